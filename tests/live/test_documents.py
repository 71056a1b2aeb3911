"""The client of docs/protocol.md against a real cloud."""

import re
from pathlib import Path

import torch
from deployment import start_cloud
from forked import forked
from PIL import Image

import splitwire as sw
from splitwire.data.photos import load_photos
from splitwire.tasks.classification import class_names

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"


def test_the_client_of_the_protocol_s_page_gets_the_network_s_prediction(
    tmp_path: Path, lite0: sw.Model
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PROTOCOL.read_text("utf-8"), re.M | re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
    (tmp_path / "client.py").write_text(code, encoding="utf-8")
    photo = load_photos("samples")[3].path
    cloud = start_cloud(tmp_path, "--port", "0", models=["lite0"])
    url = cloud.event("listening")["address"].replace("http", "ws")
    done = forked(["client.py", url, str(photo)], tmp_path)
    cloud.stop()
    assert done.returncode == 0, done.stderr
    x = lite0.preprocess.picture(Image.open(photo))
    with torch.inference_mode():
        best = int(lite0(torch.from_numpy(x)[None]).argmax())
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert int(lines[0].split()[0]) == best
    assert " ".join(lines[0].split()[1:-1]) == class_names(lite0)[best]
