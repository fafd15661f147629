"""Presets of LV2 plug-ins, read from the Turtle files of installed bundles by rdflib.

Only presets that set ports are read; those that hold a state of the plug-in's own are left out.
"""

import importlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

_LV2 = "http://lv2plug.in/ns/lv2core#"
_PRESET = "http://lv2plug.in/ns/ext/presets#"
_SEE_ALSO = "http://www.w3.org/2000/01/rdf-schema#seeAlso"
_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_UNIX = ("~/.lv2", "/usr/local/lib/lv2", "/usr/lib/lv2")
_FOLDERS: dict[str, tuple[str, ...]] = {
    "darwin": ("~/Library/Audio/Plug-Ins/LV2", "/Library/Audio/Plug-Ins/LV2"),
    "win32": ("~/AppData/Roaming/LV2", "C:/Program Files/Common Files/LV2"),
}


@lru_cache(maxsize=4)
def list_lv2_presets(uri: str) -> Sequence[tuple[str, Mapping[str, float]]]:
    """List the presets of a plug-in: names, and values of parameters, 0 to 1, by their names."""
    try:
        rdflib: Any = importlib.import_module("rdflib")
    except ImportError:
        return []
    graph = rdflib.Graph()
    # Prefixes may shorten a URI, but hardly its last part.
    last = re.split("[/#]", uri)[-1]
    for manifest in _manifests():
        if last in manifest.read_text(encoding="utf-8", errors="replace"):
            graph.parse(manifest, format="turtle")
    plugin, applies_to = rdflib.URIRef(uri), rdflib.URIRef(f"{_LV2}appliesTo")
    presets = sorted(graph.subjects(applies_to, plugin))
    files = {
        str(file)
        for one in (plugin, *presets)
        for file in graph.objects(one, rdflib.URIRef(_SEE_ALSO))
    }
    for file in sorted(one for one in files if one.startswith("file:")):
        graph.parse(file, format="turtle")
    ports = {
        symbol: (str(_value(graph, port, f"{_LV2}name")), *_range(graph, port))
        for port, symbol in _ports(graph, plugin)
    }
    found = []
    for preset in presets:
        values = {}
        for port, symbol in _ports(graph, preset):
            value = _value(graph, port, f"{_PRESET}value")
            if symbol in ports and value is not None:
                name, low, high = ports[symbol]
                values[name] = min(1.0, max(0.0, (float(value) - low) / (high - low)))
        if values:
            found.append((str(_value(graph, preset, _LABEL) or preset), values))
    return found


def _manifests() -> Iterator[Path]:
    named = [one for one in os.environ.get("LV2_PATH", "").split(os.pathsep) if one]
    for folder in named or _FOLDERS.get(sys.platform, _UNIX):
        yield from sorted(Path(folder).expanduser().glob("*/manifest.ttl"))


def _ports(graph: Any, subject: Any) -> Iterator[tuple[Any, str]]:
    rdflib: Any = importlib.import_module("rdflib")
    for port in graph.objects(subject, rdflib.URIRef(f"{_LV2}port")):
        yield port, str(_value(graph, port, f"{_LV2}symbol"))


def _range(graph: Any, port: Any) -> tuple[float, float]:
    low = float(_value(graph, port, f"{_LV2}minimum") or 0.0)
    high = float(_value(graph, port, f"{_LV2}maximum") or 1.0)
    return (low, high) if high > low else (0.0, 1.0)


def _value(graph: Any, subject: Any, predicate: str) -> Any:
    rdflib: Any = importlib.import_module("rdflib")
    return graph.value(subject, rdflib.URIRef(predicate))
