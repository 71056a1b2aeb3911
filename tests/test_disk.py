"""Files that are whole or as before, whatever happens, and folders that one process writes to."""

import os
import signal
import stat
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from apart import CONTEXT, PATIENCE, End, apart

from splitwire.disk import LOCK, Lines, lock, write_whole, writing
from splitwire.errors import StorageError


def test_a_file_that_does_not_fit_on_the_disk_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_whole(path, b"before")
    end = apart(write_whole, path, bytes(5000), largest=4000)
    assert (end.status, end.said) == (1, f"cannot write {path}: File too large")
    assert path.read_bytes() == b"before"
    assert [*tmp_path.iterdir()] == [path]


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    path.touch()
    with pytest.raises(StorageError, match="it is a file; name a folder"), writing(path):
        path.mkdir(exist_ok=True)


@pytest.mark.parametrize("step", range(2))
def test_a_file_whose_writer_is_killed_stays_as_it_was(tmp_path: Path, step: int) -> None:
    path = tmp_path / "x"
    write_whole(path, b"before")
    assert apart(write_whole, path, bytes(5000), folder=tmp_path, die_at=step).status == -9
    assert path.read_bytes() == b"before"
    write_whole(path, b"after")
    assert path.read_bytes() == b"after"
    assert [*tmp_path.iterdir()] == [path]


def test_devices_and_links_stay_what_they_are(tmp_path: Path) -> None:
    write_whole(Path(os.devnull), b"nothing")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    (tmp_path / "link").symlink_to("file")
    write_whole(tmp_path / "link", b"there")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"there"


def test_lines_are_added_behind_the_last_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntw")
    lines = Lines(path)
    lines.add("two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    lines.close()


def add(path: Path, lines: list[str]) -> None:
    file = Lines(path)
    for line in lines:
        file.add(line)


def test_a_line_that_does_not_fit_is_dropped_when_the_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    end = apart(add, path, ["x" * 9 + "\n"] * 3, largest=25)
    assert (end.status, end.said) == (1, f"cannot write {path}: File too large")
    assert path.stat().st_size == 25
    add(path, ["end\n"])
    assert path.read_text() == 2 * ("x" * 9 + "\n") + "end\n"


@pytest.mark.parametrize(
    ("happens", "said"),
    [(Path.unlink, "No such file"), (lambda path: write_whole(path, b""), "took its place")],
)
def test_lines_of_a_file_that_is_gone_are_not_lost_in_silence(
    tmp_path: Path, happens: Callable[[Path], None], said: str
) -> None:
    lines = Lines(tmp_path / "lines")
    lines.add("one\n")
    happens(tmp_path / "lines")
    with pytest.raises(StorageError, match=f"cannot write {tmp_path / 'lines'}: .*{said}"):
        lines.add("two\n")
    lines.close()


def hold(folder: Path, ready: Connection) -> None:
    held = lock(folder)
    ready.send(os.getpid())
    signal.pause()
    del held


def test_a_second_process_is_kept_out_until_the_first_is_dead(tmp_path: Path) -> None:
    here, there = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=hold, args=(tmp_path, there))
    process.start()
    try:
        assert here.poll(PATIENCE)
        pid = here.recv()
        with pytest.raises(StorageError, match=f"process {pid} is writing to it"):
            lock(tmp_path)
    finally:
        process.kill()
        process.join()
    held = lock(tmp_path)
    assert (tmp_path / LOCK).read_text() == str(os.getpid())
    assert lock(tmp_path) is held  # of this process, whose second try it may be
    kept_out = apart(lock, tmp_path)
    assert kept_out.status == 1
    assert f"cannot write to {tmp_path}: process {os.getpid()} is writing" in kept_out.said
    del held
    assert apart(lock, tmp_path) == End(0, "")


def test_a_folder_that_may_only_be_read_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    folder = tmp_path if os.geteuid() else Path("/sys")  # where root may make no file either
    with pytest.raises(StorageError, match=f"cannot write {folder}: (Permission|Read-only|Oper)"):
        lock(folder)
