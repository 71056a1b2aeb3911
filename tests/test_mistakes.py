"""The mistakes that a new user can make: each gives one line that says what to do."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mistaken_desk import lay

from splitwire.cli import main


@dataclass(frozen=True)
class Mistake:
    """A command that cannot work.

    Attributes:
        words: of the command.
        do: what the line tells to do.
        without: a module that is not installed.
    """

    words: str
    do: str
    without: str = ""

    def __str__(self) -> str:
        return self.words.replace(" ", "_") + (f"_without_{self.without}" if self.without else "")


SMALL = "--model net.py:small --split 0 --out run"
PAIR = "--model pair.py:pair --split head --out pair --codec raw --data"

MISTAKES = [
    # wrong files
    Mistake("encode y.npy -o y --codec raw", "(did you mean 'x.npy'?); give a .npy, .npz or .pt"),
    Mistake("encode notes.txt -o y --codec raw", "give a .npy, .npz or .pt file"),
    Mistake("encode photos/a.png -o y --codec raw", "give a .npy, .npz or .pt file"),
    Mistake("encode module.pt -o y --codec raw", "give a .npy, .npz or .pt file"),
    Mistake("encode two.npz -o y --codec raw", "holds 2 arrays (a, b): name one, as two.npz:a"),
    Mistake("encode x.npy -o none/y --codec raw", "there is no folder none; make it first"),
    Mistake("decode x.npy -o y", "give what a codec encoded"),
    Mistake("decode cut.sw -o y", "get it anew from its encoder"),
    Mistake("decode p.sw -o y", "give that one (decode --profile FILE)"),
    Mistake("decode p.sw -o y --profile x.npy", "give a file that `splitwire calibrate` or"),
    Mistake("inspect x.swx", "(did you mean 'x.sw'?)"),
    Mistake("report empty", "give the folder that `splitwire eval` wrote"),
    Mistake("check empty", "give the folder that `splitwire export` wrote"),
    Mistake("inspect photos", "Is a directory; name a file"),
    Mistake("compare photos", "give two or more folders"),
    Mistake("compare photos empty", "give the folder that `splitwire eval` wrote"),
    Mistake("encode hollow.npz -o y --codec raw", "hollow.npz holds no array: give"),
    Mistake("calibrate net.py:small 0 -o none/x", "there is no folder none; make it first"),
    # tensors by name
    Mistake(f"eval quick.toml {PAIR} photos", "a.png: a picture, and the network takes tensors"),
    Mistake(f"eval quick.toml {PAIR} shapes", "a.npz: right is (3,), and (8,) is wanted"),
    Mistake(f"eval quick.toml {PAIR} words", "a.npz: right holds <U1: save real numbers"),
    Mistake(f"eval quick.toml {PAIR} nans", "a.npz: right holds NaN: look for what makes them"),
    Mistake(f"eval quick.toml {PAIR} pairs --views 2", "leave `views` at 1"),
    Mistake(f"eval quick.toml {SMALL} --data pairs", "the network takes pictures: give files of"),
    Mistake("splits pair.py:misnamed", "give them the names of its arguments"),
    Mistake("splits pair.py:bare", "as (3, 224, 224) or (1,), not"),
    Mistake("demo --model pair.py:pair", "run it by `splitwire cloud` and `splitwire edge`"),
    # wrong shapes and numbers
    Mistake("encode whole.npy -o y --codec raw", "not int64: give x.astype('f4')"),
    Mistake("encode nan.npy -o y --codec raw", "look for what makes them"),
    Mistake("encode none.npy -o y --codec raw", "tensors of 1 to 8 dimensions and at least one"),
    Mistake("encode x.npy -o y --codec picture", "take another codec (`splitwire codecs` lists"),
    # wrong specs
    Mistake("encode x.npy -o y --codec jpg", "(did you mean 'jpeg'?)"),
    Mistake("encode x.npy -o y --codec jpeg:qualty=5", "it has: clip, per, quality"),
    Mistake("encode x.npy -o y --codec jpeg:quality=500", "must be an integer from 1 to 100"),
    Mistake("encode x.npy -o y --codec jpeg:quality", "is no key=value, as quality=50 is"),
    Mistake("encode x.npy -o y --codec jpeg:quality=2+5", "with '+', are for `splitwire eval`"),
    Mistake("encode x.npy -o y --codec 'jpeg: quality=50'", "has spaces in it: write NAME:key="),
    Mistake("encode x.npy -o y --codec 'jpeg 50'", "has spaces in it: write NAME:key=value"),
    Mistake("encode x.npy -o y --codec raw:clip=profile", "calibrate it, or add profile=PATH"),
    Mistake("eval --codec jpeg:quality=2+5,clip=3sd+4sd", "one a curve, so write two specs"),
    Mistake(f"eval quick.toml {SMALL} --codec jpeg:quality=20,50", "of several values: quality=20"),
    Mistake("eval headed.toml", "unknown key 'experiment': leave the heading out"),
    Mistake("eval link.toml", "links: a list is wanted, as [[links]]"),
    Mistake("eval one.toml", "a list is wanted, as ['jpeg:quality=50']"),
    Mistake("eval numbered.toml", "a network's name, or a list of such"),
    Mistake("eval lite0", "give a TOML file (a network: --model"),
    Mistake("eval unknown.toml", "(did you mean 'model'?)"),
    Mistake("eval typed.toml", "views: input should be a valid integer"),
    Mistake("eval broken.toml", "mend it: Invalid value (at line 1, column 9)"),
    # wrong networks
    Mistake("splits resnet50", "(did you mean 'timm:resnet50'?)"),
    Mistake("splits net.py", "FILE.py:FACTORY"),
    Mistake("splits none.py:small", "give the path of your own"),
    Mistake("splits typo.py:small", "SyntaxError: invalid syntax (typo.py, line 1): mend it"),
    Mistake("splits net.py:smal", "(did you mean 'small'?)"),
    Mistake("splits net.py:state", "a factory gives a torch.nn.Module"),
    Mistake("splits net.py:wants", "it is called without arguments, and gives a network"),
    Mistake("splits net.py:grey", "it is given 1×3×32×32, as its Preprocess"),
    Mistake("splits net.py:two", "Inputs, which names each with its shape"),
    Mistake("splits net.py:chosen", "leave that part (a mask as index"),
    Mistake("splits net.py:branching", "write `torch.where` for `if`"),
    Mistake("splits net.py:random", "take that out of its forward"),
    Mistake("splits net.py:small --weights lost.pt", "give another path, or 'none'"),
    Mistake("splits net.py:small --weights other.pt", "give the network's own"),
    Mistake("splits net.py:small --weights module.pt", "torch.save(network.state_dict(), PATH)"),
    Mistake("splits torchvision:fasterrcnn_resnet50_fpn", "Its backbone does, and can be cut"),
    Mistake("export net.py:small 9 -o b", "`splitwire splits net.py:small` lists them"),
    Mistake(
        "eval quick.toml --model net.py:regressor --split 0 --out r", "name the task that fits"
    ),
    Mistake(f"eval quick.toml {SMALL} --task detecton", "(did you mean 'detection'?)"),
    Mistake("splits LITE0", "(did you mean 'lite0'?)"),
    Mistake("eval quick.toml --model net.py:small --model net.py:smal", "(did you mean 'small'?)"),
    Mistake(f"eval quick.toml {SMALL} --split jpeg:quality=50", "`splitwire splits net.py:small`"),
    Mistake(f"eval quick.toml {SMALL} --metric metric", "give the path of your own, as FILE.py:NA"),
    # wrong pictures
    Mistake(f"eval quick.toml {SMALL} --data missing", "give 'samples', a picture or a folder"),
    Mistake(f"eval quick.toml {SMALL} --data empty", "give 'samples' or a folder of files"),
    Mistake(f"eval quick.toml {SMALL} --data texts", "none of its 1 files is one): give 'samples'"),
    Mistake(f"eval quick.toml {SMALL} --data notes.txt", "give one, or a folder of them"),
    Mistake(f"eval quick.toml {SMALL} --data clips", "measure frames in order (eval --sequence)"),
    Mistake(f"eval quick.toml {SMALL} --data x.npy", "give one, or a folder of them"),
    Mistake(f"eval quick.toml {SMALL} --data fakes", "take it out, or save it anew"),
    Mistake(f"eval quick.toml {SMALL} --data parts", "as parts/train may be"),
    Mistake(f"eval quick.toml {SMALL} --data beyond", "name folders by the network's indices"),
    Mistake(f"eval quick.toml {SMALL} --data mixed", "take it out"),
    Mistake("train net.py:small 0 --data missing -o t", "give 'samples', a picture or a folder"),
    # wrong options
    Mistake("evaluate", "Did you mean 'eval'?"),
    Mistake("eval --splt 3", "--split); see splitwire eval --help"),
    Mistake("calibrate net.py:small", "Missing argument 'split'; see splitwire calibrate --help"),
    Mistake("eval --views two", "see splitwire eval --help"),
    Mistake(f"eval quick.toml {SMALL} --views 11", "less than or equal to 10"),
    Mistake("eval --out notes.txt --limit 1", "which is a file: name a folder"),
    Mistake("calibrate net.py:small 0 -o x --codec jpeg", "name a codec that does, such as ftc"),
    Mistake("cloud --port 99999", "less than or equal to 65535; see splitwire cloud --help"),
    Mistake("report run --max-divergence -1", "greater than or equal to 0"),
    Mistake(f"eval quick.toml {SMALL} --ray nowhere:1", "'local' to start one"),
    Mistake("demo --device phone", "(did you mean 'phone-2019'?)"),
    Mistake("edge --connect localhost:7070", "is no address such as https://HOST:PORT"),
    Mistake("edge --connect http://127.0.0.1:9", "start `splitwire cloud` there"),
    # missing packages
    Mistake("cloud", 'run: pip install "splitwire[live]"', without="uvicorn"),
    Mistake("edge --bundle b --connect http://a", 'pip install "splitwire[edge]"', "onnxruntime"),
    Mistake("export net.py:small 0 -o b", 'run: pip install "splitwire[export]"', without="onnx"),
    Mistake("eval --limit 1", 'pip install "splitwire[samples]"', without="foolbox"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay(tmp_path_factory.mktemp("desk"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_gives_one_line_that_says_what_to_do(
    mistake: Mistake, desk: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.chdir(desk)
    monkeypatch.setattr(sys, "argv", ["splitwire", *shlex.split(mistake.words)])
    if mistake.without:
        monkeypatch.setitem(sys.modules, mistake.without, None)  # as if it could not be imported
    with pytest.raises(SystemExit) as ended:
        main()
    printed, said = capfd.readouterr()
    assert ended.value.code in (1, 2)
    assert said.startswith("splitwire: ") and said.count("\n") == 1, said
    assert mistake.do in said
    assert not printed
