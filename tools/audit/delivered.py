"""What the run delivered: its files are those that it sealed, and model.pt and summary.json have the final weights."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from folder import RunFolder
from nets import Unusable

NEEDED = ("scenario.toml", "events.jsonl", "summary.json", "audit/run.json", "audit/data.npz", "audit/initial.npz",
          "audit/jobs.jsonl", "audit/final.npz")  # fmt: skip
ALSO = ("metrics.csv", "requests.csv", "model.pt", "audit/updates.npz")


def sealed(path: Path) -> list[str]:
    """The files as files.json lists them: size and SHA-256."""
    try:
        listed = json.loads((path / "files.json").read_text())["files"]
        entries = [(name, entry["bytes"], entry["sha256"]) for name, entry in listed.items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise Unusable(f"'{path}/files.json' cannot be read: {type(e).__name__}: {e}") from e
    found = [f"it does not list {name}" for name in NEEDED if name not in listed]
    found += [f"it does not list {name}" for name in ALSO if name not in listed and (path / name).exists()]
    for name, size, digest in entries:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            found.append(f"it names {name}, which is no file of a run")
        elif not (path / name).is_file():
            found.append(f"{name} is missing")
        elif (path / name).stat().st_size != size:
            found.append(f"{name} has {(path / name).stat().st_size} bytes, not {size}")
        elif hashlib.sha256((path / name).read_bytes()).hexdigest() != digest:
            found.append(f"{name} has another content than when the run ended")
    return found


class Module(dict):
    """Stands for an object of TorchScript: its attributes."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.update(state)


class Weights(pickle.Unpickler):
    """Reads data.pkl of a TorchScript archive; nothing in it is run."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(root + "data.pkl")))
        self.archive, self.root = archive, root

    def persistent_load(self, pid: Any) -> np.ndarray:
        if getattr(pid[1], "__name__", "") != "FloatStorage":
            return np.zeros(0)
        return np.frombuffer(self.archive.read(f"{self.root}data/{pid[2]}"), dtype="<f4")

    def find_class(self, module: str, name: str) -> Any:
        if name == "_rebuild_tensor_v2":
            return self._tensor
        if name == "OrderedDict":
            return dict
        return type(name, (Module,), {})

    def _tensor(self, storage: np.ndarray, offset: int, size: tuple, stride: tuple, *_: Any) -> np.ndarray:
        contiguous = tuple(int(np.prod(size[i + 1 :])) for i in range(len(size)))
        if tuple(stride) != contiguous:
            raise ValueError("a parameter that does not lie in one piece")
        return storage[offset : offset + int(np.prod(size))].reshape(size)


def _flat(folder: RunFolder) -> np.ndarray:
    """The parameters of model.pt in the layout's order."""
    with zipfile.ZipFile(folder.path / "model.pt") as archive:
        root = next(n for n in archive.namelist() if n.endswith("/data.pkl")).removesuffix("data.pkl")
        model = Weights(archive, root).load()
    parts = []
    for p in folder.run["layout"]["parameters"]:
        value: Any = model
        for key in p["name"].split("."):
            value = value[key]
        if list(value.shape) != p["shape"]:
            raise ValueError(f"{p['name']} has the shape {list(value.shape)}")
        parts.append(value.ravel())
    return np.concatenate(parts)


def faults(folder: RunFolder) -> list[str]:
    """Where the delivered weights are not those of audit/final.npz, bit by bit."""
    found = []
    final = np.ascontiguousarray(folder.final, dtype="<f4")
    if folder.summary["model_sha256"] != hashlib.sha256(final.tobytes()).hexdigest():
        found.append("summary.json's model_sha256 is not that of audit/final.npz")
    if not (folder.path / "model.pt").exists():
        return found + (["model.pt is missing"] if folder.scenario["output"]["model"] else [])
    try:
        weights = _flat(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration, EOFError, IndexError,
            pickle.UnpicklingError, zipfile.BadZipFile) as e:  # fmt: skip
        raise Unusable(f"'{folder.path}/model.pt' cannot be read: {type(e).__name__}: {e}") from e
    if weights.tobytes() != final.tobytes():
        found.append(f"model.pt differs from audit/final.npz by up to {np.abs(weights - final).max():.3g}")
    return found
