# The page: docker build -t cir . && docker run --rm -p 7860:7860 cir
# On Hugging Face, a Space of the kind Docker runs it as it is.
FROM python:3.11-slim

# Spaces run as this user; files of the page go to its home.
RUN useradd --create-home --uid 1000 user
WORKDIR /app

# What changes rarely first. Pins as in requirements.txt, of what the page needs: no torch.
COPY requirements.txt pyproject.toml README.md LICENSE NOTICE ./
COPY cir cir
COPY configs configs
RUN python -m pip install --no-cache-dir --constraint requirements.txt ".[app]" \
    && mv cir/assets/examples/mix-1.flac example.flac \
    && rm -rf cir configs

USER user
ENV HOME=/home/user CIR_HOME=/home/user/.cache/cir GRADIO_TEMP_DIR=/home/user/sounds \
    GRADIO_ANALYTICS_ENABLED=False PYTHONUNBUFFERED=1
# The page writes its Chroma store and its temporary files there, and nothing elsewhere.
RUN mkdir -p /home/user/.cache/cir /home/user/sounds
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/')"]
CMD ["cir", "app", "--host", "0.0.0.0"]
