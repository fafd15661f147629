"""Parts of the package that need more than is installed with it."""

_EXTRA_OF = {
    "accelerate": "train",
    "chromadb": "app",
    "faiss": "scale",
    "fastapi": "app",
    "gradio": "app",
    "httpx": "app",
    "IPython": "notebooks",
    "matplotlib": "evaluate",
    "mido": "train",
    "onnx": "train",
    "onnxscript": "train",
    "plotly": "app",
    "pretty_midi": "train",
    "pyarrow": "scale",
    "ray": "ray",
    "safehttpx": "app",
    "scipy": "train",
    "sklearn": "evaluate",
    "starlette": "app",
    "tensorboardX": "train",
    "torch": "train",
    "tqdm": "train",
    "transformers": "train",
    "umap": "evaluate",
}
"""The extra that brings a package, by the name that is imported."""


def how_to_install(missing: ModuleNotFoundError) -> str | None:
    """Return a sentence on what to install; None if no extra of ours brings the module."""
    package = (missing.name or "").partition(".")[0]
    extra = _EXTRA_OF.get(package)
    if extra is None:
        return None
    return (
        f"This needs the package {package}, which is not installed: "
        f"pip install 'cir-instruments[{extra}]'."
    )
