# A server of one model. Beside this file: the model's folder as model/, and this repository, or a wheel of it, as recurra/.
#
#     docker build -f serve.Dockerfile -t my-model .
#     docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 my-model --name models.example.org
#
# What follows the image's name are options of `recurra serve`.

FROM python:3.12-slim AS built
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
# torch for processors alone is a tenth of the size
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu
COPY recurra /src
RUN pip install --no-cache-dir "/src[serve]"

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home recurra
COPY --from=built /venv /venv
COPY model /model
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER recurra
EXPOSE 8000
# SIGTERM is obeyed: what was asked is answered first, within --drain seconds; docker stop waits 10 unless told otherwise
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["recurra", "serve", "/model", "--host", "0.0.0.0", "--port", "8000", "--drain", "8"]
