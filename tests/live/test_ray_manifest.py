"""What docs/deploying.md shows of Ray is what Ray, KubeRay and the cloud take."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from splitwire.errors import RemoteError
from splitwire.live.ray_config import Deployment

pytest.importorskip("ray", reason="needs the extra ray")

import jsonschema
import yaml

PAGE = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")


def fields(needed: str, allowed: str = "", **told: Any) -> dict[str, Any]:
    """An object with the fields of KubeRay's definition, of which some are needed."""
    names = {*needed.split(), *allowed.split(), *told}
    shapes: dict[str, Any] = {name: told.get(name, {}) for name in names}
    required = needed.split()
    return {
        "type": "object",
        "required": required,
        "properties": shapes,
        "additionalProperties": False,
    }


TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0}
CONTAINER = fields(
    "name image", "ports resources volumeMounts env args command readinessProbe livenessProbe"
)
POD = fields(
    "spec",
    "metadata",
    spec=fields("containers", "volumes", containers={"items": CONTAINER, "minItems": 1}),
)
HEAD = fields(
    "template", "serviceType headService enableIngress", rayStartParams=TEXTS, template=POD
)
WORKERS = fields(
    "groupName minReplicas maxReplicas template",
    "numOfHosts idleTimeoutSeconds suspend scaleStrategy",
    rayStartParams=TEXTS,
    template=POD,
    **dict.fromkeys(("replicas", "minReplicas", "maxReplicas"), COUNT),
)
CLUSTER = fields(
    "headGroupSpec",
    "enableInTreeAutoscaling autoscalerOptions gcsFaultToleranceOptions",
    rayVersion={"type": "string"},
    headGroupSpec=HEAD,
    workerGroupSpecs={"type": "array", "items": WORKERS},
)
SERVICE = fields(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayService"},
    spec=fields(
        "rayClusterConfig",
        "serveService upgradeStrategy excludeHeadPodFromServeSvc",
        serveConfigV2={"type": "string"},
        rayClusterConfig=CLUSTER,
    ),
)


@pytest.fixture
def manifests() -> list[dict[str, Any]]:
    (block,) = re.findall(r"```yaml\n(apiVersion.*?)```", PAGE, re.DOTALL)
    return list(yaml.safe_load_all(block))


def test_the_manifest_is_one_of_kuberay_s(manifests: list[dict[str, Any]]) -> None:
    jsonschema.validate(manifests[0], SERVICE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**manifests[0], "specs": {}}, SERVICE)


def test_its_configuration_is_one_of_ray_serve_s_and_ours(manifests: list[dict[str, Any]]) -> None:
    from ray.serve.schema import ServeDeploySchema

    told = ServeDeploySchema.model_validate(yaml.safe_load(manifests[0]["spec"]["serveConfigV2"]))
    (application,) = told.applications
    assert application.import_path == "splitwire.live.ray_serve:application"
    deployment = Deployment.of(application.args)
    ports = [port["port"] for port in manifests[1]["spec"]["ports"]]
    assert ports == [deployment.port]


def test_the_configuration_in_the_page_is_read() -> None:
    (block,) = re.findall(r"```toml\n(models.*?)```", PAGE, re.DOTALL)
    told = Deployment.of(tomllib.loads(block))
    assert (told.doors, told.halves.most, told.halves.gpus) == (2, 8, 0.0)
    assert Deployment.of(told.values()) == told


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prot": 1}, "prot"),
        ({"port": 0}, "port"),
        ({"halves": {"replicas": 0}}, "halves.replicas"),
        ({"models": []}, "models"),
    ],
)
def test_what_is_no_configuration_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(RemoteError, match=said):
        Deployment.of(values)
