"""The generated blocks of the pages: tables of what was measured and of what imports what.

A block in a page stands between two comments, `<!-- [[[cog cog.out(blocks.NAME()) ]]] -->` and
`<!-- [[[end]]] -->`. `make docs` writes all of them anew; `tests/test_readme.py` checks them.
"""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CARD = ROOT / "cir" / "assets" / "model" / "README.md"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), CARD)
"""Pages that may hold generated blocks."""
BUNDLED = "ours: the bundled model"
MFCC = "MFCC mean+std"
BUNDLED_IDENTITY: str = json.loads(
    (ROOT / "cir" / "assets" / "database" / "database.json").read_text("utf-8")
)["identity"]
"""Identity of the bundled model, as the bundled database names it."""

Scores = Mapping[str, Any]


def read_measured(name: str) -> Any:
    """Return what a benchmark wrote to `benchmarks/results/NAME.json`."""
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))


def rows_of(name: str) -> dict[str, dict[str, Any]]:
    """Return the results of an evaluation by the names of their methods."""
    return {row["name"]: row for row in read_measured(name)["results"]}


def only_row(name: str) -> dict[str, Any]:
    """Return the result of an evaluation of one method."""
    (row,) = rows_of(name).values()
    return row


def table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """Lay out a Markdown table; `align` has a character per column, `r` for right."""
    marks = ["---:" if mark == "r" else "---" for mark in align.ljust(len(head))]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'|'.join(marks)}|", *lines[1:], ""])


def pair(scores: Scores, what: str = "value") -> str:
    """Top-1 and top-5 accuracy in %."""
    return " / ".join(f"{100 * scores[metric][what]:.1f}" for metric in ("top_1", "top_5"))


def interval(scores: Scores) -> str:
    """The 95 % intervals of both accuracies."""
    low, high = pair(scores, "low").split(" / "), pair(scores, "high").split(" / ")
    return " / ".join(f"[{one}, {other}]" for one, other in zip(low, high, strict=True))


def model_of(result: Mapping[str, Any]) -> str:
    """One sentence that says whether a result is of the bundled model."""
    if result["encoder"] == BUNDLED_IDENTITY:
        return "Measured with the bundled model.\n\n"
    return "Measured with an earlier model, not yet with the bundled one.\n\n"


def bundled() -> str:
    """The bundled model on the test splits of Surge and Surge XT, beside MFCC and chance."""
    labels = {
        ("union_mixtures", "percussion"): "mixtures: percussion",
        ("union_mixtures", "bass"): "mixtures: bass",
        ("union_mixtures", "synth_lead"): "mixtures: synth lead",
        ("union_mixtures", "mean"): "mixtures: **mean of the three**",
        ("union_single", "all"): "single notes, reference notes excluded",
        ("union_single", "all_with_references"): "single notes, the paper's way",
    }
    lines = []
    for (name, part), label in labels.items():
        rows = rows_of(name)
        ours, mfcc = rows[BUNDLED]["scores"][part], rows[MFCC]["scores"][part]
        figures = (pair(ours), interval(ours), pair(mfcc), pair(ours, "chance"))
        lines.append((label, f"{ours['candidates']:.0f}", *figures))
    head = ("found in", "candidates", "cir", "95 % intervals", "MFCC", "at random")
    return table(head, lines, " r")


def paper_single() -> str:
    """The paper's table of single notes, on Surge."""
    lines = []
    for row in rows_of("table_single").values():
        scores = row["scores"]["all"]
        papers_way = pair(row["scores"]["all_with_references"])
        lines.append((row["name"], _paper(row), papers_way, pair(scores), interval(scores)))
    head = "single notes", "paper", "here, the paper's way", "reference notes excluded"
    return table((*head, "95 % intervals"), lines)


def paper_mixtures() -> str:
    """The paper's table of mixtures, on Surge."""
    lines = []
    for row in rows_of("table_mixtures").values():
        measured = ("not measured", "")
        if "missing" not in row:
            measured = (pair(row["scores"]["mean"]), interval(row["scores"]["mean"]))
        lines.append((row["name"], _paper(row), *measured))
    return table(("mixtures of three", "paper", "here", "95 % intervals"), lines)


def _paper(row: Mapping[str, Any]) -> str:
    paper = row.get("paper")
    return f"{paper['top_1']:.1f} / {paper['top_5']:.1f}" if paper else ""


def as_searched() -> str:
    """The bundled model on mixtures by family, known by one note and by six."""
    rows = rows_of("table_mixtures")
    six = only_row("known_by_six_mixtures")
    asked = {
        "Surge, one reference note": rows[BUNDLED],
        f"Surge and Surge XT, {six['settings']['references']} other notes, "
        f"{six['settings']['mixtures']} mixtures": six,
    }
    parts = ("percussion", "bass", "synth_lead", "mean")
    lines = [
        (label, *(pair(row["scores"][part]) for part in parts)) for label, row in asked.items()
    ]
    return table(("references", "percussion", "bass", "synth lead", "mean"), lines)


def open_set() -> str:
    """Calibration of the chances, and detection of instruments that are missing."""
    result = only_row("open_set")
    worst, shown, threshold = result["shown"]["worst"], result["shown"], result["threshold"]
    errors = {
        "all matches shown": result["ece"]["matches"],
        "first match": result["ece"]["top_1"],
        "first five matches": result["ece"]["top_5"],
    }
    lines = [
        (f"expected calibration error, {name}", with_interval(error, "{:.3f}"))
        for name, error in errors.items()
    ]
    lines += [
        (
            "worst bin of 50 matches or more",
            f"{100 * worst['chance']:.1f} % said, {100 * worst['accuracy']:.1f} % right",
        ),
        ("queries with a chance", f"{100 * shown['share']:.0f} %"),
        ("AUROC, instrument missing", with_interval(result["auroc"]["instrument"], "{:.2f}")),
        ("AUROC, family missing", with_interval(result["auroc"]["family"], "{:.2f}")),
        ("rejected: instrument is there", f"{100 * threshold['false_alarm']:.0f} %"),
        ("rejected: instrument missing", f"{100 * threshold['detection_instrument']:.0f} %"),
        ("rejected: family missing", f"{100 * threshold['detection_family']:.0f} %"),
    ]
    return model_of(result) + table(("what", "value"), lines)


def with_interval(figure: Mapping[str, float], form: str) -> str:
    """A figure with its 95 % interval."""
    value, low, high = (form.format(figure[key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def conditions() -> str:
    """Accuracy under each condition, and how much of the first five matches is kept."""
    result = only_row("conditions")
    lines = [
        (
            group["name"],
            f"{condition['name']} {group['unit']}".strip(),
            pair(condition["scores"]["mean"]),
            "" if condition["stability"] is None else f"{100 * condition['stability']:.0f} %",
        )
        for group in result["groups"]
        for condition in group["conditions"]
    ]
    head = ("what changes", "to", "top-1 / top-5", "first five kept")
    return model_of(result) + table(head, lines)


def recipes() -> str:
    """The paper's recipe and family queries at one small budget."""
    lines = []
    for row in read_measured("recipes"):
        clips = f"{row['clips']:,}".replace(",", " ")
        figures = [
            f"{100 * figure['value']:.1f} [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]"
            for protocol, part in (("mixtures", "mean"), ("single", "all"))
            for figure in (row[protocol]["scores"][part][metric] for metric in ("top_1", "top_5"))
        ]
        lines.append((f"{row['recipe']}, seed {row['seed']}", clips, *figures))
    head = ("recipe", "sounds seen", "mixtures: top-1", "top-5", "single notes: top-1", "top-5")
    return table(head, lines, " r")


def generated() -> str:
    """Training on Surge's patches, on generated ones and on both."""
    measured = read_measured("generated")
    lines = [(name, pair(scores)) for name, scores in measured["scores"].items()]
    head = f"presets trained on, {measured['instruments']} of each kind"
    return table((head, "single notes: top-1 / top-5"), lines)


def training_speed() -> str:
    """Speed-up of the data path and of a training step over the straightforward path."""
    lines = [
        (
            f"{run['mixture_seconds']:.0f} s",
            f"{run['speed_up']['data_path']:.0f} x",
            f"{run['speed_up']['whole_step']:.1f} x",
        )
        for run in read_measured("training_speed")["runs"]
    ]
    return table(("mixtures of", "data path", "whole training step"), lines)


def page_speed() -> str:
    """What the page takes: to start, to answer, and in memory."""
    memory = read_measured("app_memory")
    start = memory["starts"][0]
    latency = read_measured("page_latency")["median_ms"]
    searches, held = max(
        (int(count), mib) for count, mib in memory["held_mib_after_searches"].items()
    )
    lines = [
        ("start until the page is served", f"{start['page_seconds']:.0f} s"),
        ("start until the first answer", f"{start['first_answer_seconds_after_start']:.0f} s"),
        (f"memory after {searches} searches", f"{held / 1000:.1f} GB"),
        (
            "file chosen until the first family is shown",
            _seconds(latency["upload until first family"]),
        ),
        (
            "file chosen until all families are shown",
            _seconds(latency["upload until all families"]),
        ),
    ]
    return table(("page", "value"), lines, " r")


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s"


def parallel_clients() -> str:
    """What simultaneous searches wait, against one alone."""
    measured = read_measured("parallel_clients")
    median, worst = (
        measured[name] / measured["alone_seconds"] for name in ("median_seconds", "worst_seconds")
    )
    return (
        f"{measured['clients']} searches that arrive at once are answered in {median:.1f} times "
        f"the time of one alone (median); the last one in {worst:.1f} times.\n"
    )


def long_file() -> str:
    """What the longest mix adds to the memory of the page."""
    measured = read_measured("long_file")
    return (
        f"A mix of {measured['file_seconds'] / 60:.0f} minutes, in stereo at 48 kHz, adds "
        f"{measured['page_peak_above_idle_mib']:.0f} MiB of memory while it is read and searched "
        "(`benchmarks/long_file.py`).\n"
    )


_INDEXES = {
    "exact": "exact: all rows, mapped into memory",
    "faiss": "faiss: IVF of 8 bits per family, compared again exactly",
    "chroma": "Chroma in the process: a collection per family",
    "server": "Chroma server: a collection per family",
}
_FILTERS = {"none": "no filter", "family": "one family", "bank": "one bank"}


def index_scale() -> str:
    """What was measured of each kind of index."""
    lines, shares = [], {}
    for count, kinds in sorted(
        read_measured("index_scale")["rows"].items(), key=lambda one: int(one[0])
    ):
        for kind, label in _INDEXES.items():
            if kind in kinds:
                told = kinds[kind]
                shares = {name: one["share"] for name, one in told["filters"].items()}
                cells = [
                    f"{one['p50_ms']:.1f} / {one['p95_ms']:.1f}, {one['recall_at_5']:.2f}"
                    for one in told["filters"].values()
                ]
                size = [f"{told['build_s']:.0f}", str(told["disk_mb"]), str(told["open_ms"])]
                lines.append([f"{int(count):,}", label, *size, *cells])
    heads = [f"{_FILTERS[name]} ({100 * share:.3g} %)" for name, share in shares.items()]
    return table(["rows", "index", "build s", "disk MB", "open ms", *heads], lines, "r rrrrrr")


_STORED = {"Flat": "32 bits", "SQ8": "8 bits", "PQ48": "48 bytes (PQ)", "PQ24": "24 bytes (PQ)"}


def quantised() -> str:
    """Recall of what a vector can be stored in."""
    measured = read_measured("index_scale")["rows"]["300000"]["quantised"]
    lines = []
    for kind, label in _STORED.items():
        told = [measured[f"{kind}, {count} compared again"] for count in (25, 250)]
        recalls = (f"{one['recall_at_5']:.2f}" for one in told)
        lines.append((label, f"{told[0]['bytes']:.0f}", *recalls))
    heads = ("stored in", "bytes a vector", "recall@5, 25 compared again", "250")
    return table(heads, lines, "lrrr")


_MEMORY_GB_MONTH, _DISK_GB_MONTH, _OBJECT_GB_MONTH = 3.0, 0.10, 0.02
"""US dollars; prices of clouds in 2026, rounded."""

_ROW_BYTES = 400
"""Of the catalogue, with its key."""

_COUNTS = (1_000_000, 10_000_000, 1_000_000_000)


def scale_plan() -> str:
    """What one, ten and a thousand million sounds need, from measured constants."""
    million = read_measured("index_scale")["rows"]["1000000"]
    embed_hours = read_measured("adding")["all_cpu_ms_per_sound"] / 3.6e6
    search_ms = million["faiss"]["filters"]["family"]["p50_ms"] / 1e6
    index_bytes = 1e6 * (million["faiss"]["disk_mb"] - million["exact"]["disk_mb"]) / 1e6
    vector_bytes = million["exact"]["disk_mb"]
    database = ROOT / "cir" / "assets" / "database"
    n_sounds = json.loads((database / "database.json").read_text("utf-8"))["n_instruments"]
    sound_bytes = (database / "previews.zip").stat().st_size / n_sounds
    lines: list[list[str]] = [
        ["embed once, core hours"],
        ["vectors in 32 bits, GB (disk)"],
        ["index in 8 bits, GB (memory)"],
        ["index in 48 bytes, GB (memory)"],
        ["catalogue, GB (disk)"],
        ["previews, GB (object storage)"],
        ["a search in one family, CPU ms"],
        ["a month: memory, 8 bits"],
        ["a month: memory, 48 bytes"],
        ["a month: disk and previews"],
    ]
    for count in _COUNTS:
        vectors, eight = count * vector_bytes / 1e9, count * index_bytes / 1e9
        product, catalogue = count * 56 / 1e9, count * _ROW_BYTES / 1e9
        previews = count * sound_bytes / 1e9
        kept = (vectors + catalogue) * _DISK_GB_MONTH + previews * _OBJECT_GB_MONTH
        figures = [
            count * embed_hours,
            vectors,
            eight,
            product,
            catalogue,
            previews,
            count * search_ms,
        ]
        for line, figure in zip(lines, figures, strict=False):
            line.append(f"{figure:,.0f}" if figure >= 10 else f"{figure:.1f}")
        dollars = [eight * _MEMORY_GB_MONTH, product * _MEMORY_GB_MONTH, kept]
        for line, figure in zip(lines[len(figures) :], dollars, strict=True):
            line.append(f"${figure:,.0f}")
    return table(["", *(f"{count:,} sounds" for count in _COUNTS)], lines, " rrr")


def start_up() -> str:
    """What a search costs from the shell, beside the same with torch, and what is installed."""
    measured = read_measured("start_up")
    served, in_torch = (
        measured["searches"][name] for name in ("cir search", "cir search, in torch")
    )
    sizes = measured["megabytes_installed"]
    return (
        f"`cir search` on a mix of 10 s takes {served['cpu_seconds']:.1f} CPU seconds and "
        f"{served['peak_mib']:.0f} MiB, all imports included; in torch, it took "
        f"{in_torch['cpu_seconds']:.1f} s and {in_torch['peak_mib']:.0f} MiB. The base install is "
        f"{sizes['base']} MB with all that it needs, `app` {sizes['app']} MB, `train` "
        f"{sizes['train']} MB with torch for CPUs (`benchmarks/start_up.py`).\n"
    )


def own_presets() -> str:
    """How well presets of one's own synths are found, by kind; what was refused is left out."""
    lines = [
        (
            name,
            f"{found['top_5_hits']} of {found['of']}",
            f"{found['by_chance_at_least']:.0f}",
            f"{found['seconds_to_add']:.0f}",
        )
        for name, found in read_measured("own_presets").items()
        if "refused" not in found
    ]
    return table(["source", "found", "by chance at least", "seconds to add"], lines, " rrr")


def layers() -> str:
    """Every part of the package with its layer, its first line and what it imports."""
    from tests.test_layout import INNER, LAYERS, MODULES, imports_of, packages_of, part_of

    lines = []
    for layer, parts in enumerate(LAYERS):
        for part in sorted(parts):
            modules = [module for module in INNER if part_of(module) == part]
            inner = {part_of(name) for module in modules for name in imports_of(module)} - {part}
            outer = {name for module in modules for name in packages_of(MODULES[module])}
            cells = (f"`{part}`", _first_line(MODULES[f"cir.{part}"]), ", ".join(sorted(inner)))
            lines.append((str(len(LAYERS) - layer), *cells, ", ".join(sorted(outer))))
    head = ("layer", "part of `cir`", "what it is", "imports of `cir`", "other packages")
    return table(head, lines, "r")


def _first_line(module: Path) -> str:
    docstring = ast.get_docstring(ast.parse(module.read_text("utf-8")))
    assert docstring, f"{module} has no docstring"
    return docstring.splitlines()[0].removesuffix(".")


def run_cog(*options: str) -> int:
    """Run cog over all pages with these options; its exit code."""
    from cogapp import Cog

    prologue = "from tools import blocks"
    arguments = ("cog", *options, "--verbosity=0", "-I", str(ROOT), "-p", prologue)
    exit_code: int = Cog().main([*arguments, *map(str, PAGES)])
    return exit_code
