"""`recurra serve` as it is typed, as an image begins it and as systemd does."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import typer
from command_line import Recurra

from recurra.cli.application import application

DOCS = Path(__file__).parents[2] / "docs"
DOCKERFILE = (DOCS / "serve.Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMMANDS = {
    name: json.loads(words) for name, words in re.findall(r"^(ENTRYPOINT|HEALTHCHECK).*?(\[.*\])$", DOCKERFILE, re.M)
}


def test_an_image_serves_is_healthy_and_ends_when_it_is_stopped(language_model: Path, tmp_path: Path) -> None:
    token = tmp_path / "token.txt"
    token.write_text("correct-horse-battery\n")
    program, *options = COMMANDS["ENTRYPOINT"]
    assert program == "recurra"
    options = [{"/model": str(language_model), "8000": "0"}.get(option, option) for option in options]
    command = [sys.executable, "-m", program, *options, "--sessions", "5", "--token-file", str(token)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            port = said.split(" at http://0.0.0.0:")[1].split(";")[0]
            assert process.stderr.readline().startswith("note: sessions: 5 at most, ")
            _, *healthy = [word.replace("8000", port) for word in COMMANDS["HEALTHCHECK"]]
            subprocess.run([sys.executable, *healthy], check=True, timeout=60)
            body = json.dumps({"prompt": "ROMEO", "length": 5}).encode()
            headers = {"content-type": "application/json", "authorization": "Bearer correct-horse-battery"}
            with urlopen(Request(f"http://127.0.0.1:{port}/generate", body, headers)) as answer:
                assert json.load(answer)["tokens"] == 5
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=60)[1] == "note: stopped\n"
        finally:
            process.kill()
    assert process.returncode == 0
    assert subprocess.run([sys.executable, *healthy], capture_output=True, check=False, timeout=60).returncode != 0


def test_the_unit_of_systemd_gives_options_that_there_are(language_model: Path) -> None:
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DOCS / "recurra-serve.service")
    program, command, _, *options = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith("/bin/recurra")
    serve = typer.main.get_command(application()).commands[command]  # type: ignore[attr-defined]
    assert serve.make_context("serve", [str(language_model), *options]).params["port"] == 8000
    drain = serve.make_context("serve", [str(language_model), *options]).params["drain"]
    assert drain < float(unit["Service"]["TimeoutStopSec"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "recurra-serve.service"
    text = (DOCS / "recurra-serve.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/srv/recurra/venv/bin/recurra", sys.executable), encoding="utf-8")
    found = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_lines_of_the_image_install_what_serves(language_model: Path, tmp_path: Path) -> None:
    """In an environment of its own, from this tree without a compiler; torch from where this machine has it."""
    venv, lines = tmp_path / "venv", re.findall(r"^RUN ((?:python|pip) .*)$", DOCKERFILE, re.M)
    assert [line.split()[:2] for line in lines] == [["python", "-m"], ["pip", "install"], ["pip", "install"]]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{venv / 'bin'}:{os.environ['PATH']}", "CXX": str(tmp_path / "no-compiler")}
    shutil.copytree(DOCS.parent, tmp_path / "src", ignore=shutil.ignore_patterns(".*", "*.so", "build", "__pycache__"))
    for line in lines:
        here = line.replace("/venv", str(venv)).replace("/src", str(tmp_path / "src"))
        words = shlex.split(re.sub(r"--index\S+ \S+", "", here))
        command = [sys.executable if words[0] == "python" else str(venv / "bin" / words[0]), *words[1:]]
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    program, *options = COMMANDS["ENTRYPOINT"]
    options = [{"/model": str(language_model), "8000": "0"}.get(option, option) for option in options]
    command = [str(venv / "bin" / program), *options]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            port = process.stderr.readline().split(" at http://0.0.0.0:")[1].split(";")[0]
            _, *healthy = [word.replace("8000", port) for word in COMMANDS["HEALTHCHECK"]]
            subprocess.run([venv / "bin" / "python", *healthy], check=True, timeout=60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def test_what_cannot_be_is_said(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("secret\n")
    recurra("serve", "nothing").refused(4)
    recurra("serve", language_model, "--token-file", short).refused(2, "a token has 16 letters")
    recurra("serve", language_model, "--name", "http://x").refused(2, "is no host name")
    recurra("serve", language_model, "--origin", "x").refused(2, "is no origin")
    recurra("serve", language_model, "--host", "192.0.2.1").refused(2, "cannot be had", "port 0 takes a free one")
