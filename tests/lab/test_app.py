"""The playground's API of a lab that is really served: the same numbers, to the bit, as `animate` gives."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import re
import socket
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from PIL import Image

from surefoot.lab import jobs
from surefoot.lab.answers import Refused
from surefoot.lab.options import QueueLimits
from surefoot.lab.request_models import RecipeRequest
from surefoot.surfaces.animation import animate
from surefoot.surfaces.optimizer_cards import cards
from surefoot.surfaces.pictures.contours import contour_document
from surefoot.surfaces.pictures.document import document
from surefoot.surfaces.pictures.strokes import optimizer_strokes, stroke_document
from surefoot.surfaces.recipe import OptimizerSpec, Recipe
from surefoot.surfaces.recipe_text import recipe_of
from surefoot.surfaces.surfaces import SURFACES, find_surface
from tests.lab.asking import ask

OPTIMIZERS = [
    {"optimizer": "Adam", "hyperparameters": {"lr": 0.1, "betas": [0.8, 0.99]}},
    {"optimizer": "muon"},
]
RECIPE = {
    "surface": "beale",
    "optimizers": OPTIMIZERS,
    "steps": 40,
    "noise": 0.5,
    "seed": 3,
    "start": [1, 1.25],
}
SAME = Recipe(
    "beale",
    (OptimizerSpec("Adam", {"lr": 0.1, "betas": (0.8, 0.99)}), OptimizerSpec("Muon")),
    start=(1.0, 1.25),
    steps=40,
    noise=0.5,
    seed=3,
)


def test_an_animation_is_the_animation_itself(lab):
    told = ask(lab.url, "/api/animate", RECIPE)
    assert told.status == 200
    found = told.json
    strokes = [stroke_document(stroke) for stroke in optimizer_strokes(["Adam", "Muon"])]
    more = {"strokes": strokes, "link": found["link"], "seconds": found["seconds"]}
    assert found == json.loads(json.dumps(document(animate(SAME, strips=False)) | more))
    assert found["link"] == f"/playground?{found['query']}"
    assert recipe_of(found["query"]) == SAME


def test_strips_come_when_they_are_asked_for(lab):
    found = ask(lab.url, "/api/animate", RECIPE | {"strips": True, "steps": 10}).json
    assert all(path["strip"]["rates"] for path in found["paths"])


def test_a_step_is_where_the_path_was(lab):
    path = ask(lab.url, "/api/animate", RECIPE).json["paths"][1]
    seen = ask(lab.url, "/api/inspect", {"recipe": RECIPE, "path": 1, "step": 7}).json
    assert seen["point"] == [path["x"][7], path["y"][7]]
    assert seen["next"] == [path["x"][8], path["y"][8]]
    assert (seen["optimizer"], seen["lifted"], seen["settings"]) == ("Muon", True, path["hyperparameters"])
    late = ask(lab.url, "/api/inspect", {"recipe": RECIPE, "path": 1, "step": 40})
    assert (late.status, late.json) == (422, {"detail": "step: there is no step 40; the last one is 39"})


def test_contour_lines_are_those_of_the_surface(lab):
    found = ask(lab.url, "/api/contours", {"surface": "x^2 + 3 y^2", "x": [-1, 2], "y": [0, 1]}).json
    assert found == json.loads(json.dumps(contour_document(find_surface("x^2 + 3 y^2", (-1, 2), (0, 1)))))


def test_every_surface_and_every_optimizer_is_told(lab):
    surfaces = ask(lab.url, "/api/surfaces").json["surfaces"]
    assert [surface["name"] for surface in surfaces] == list(SURFACES)
    optimizers = ask(lab.url, "/api/optimizers").json["optimizers"]
    assert [optimizer["name"] for optimizer in optimizers] == list(cards())
    card = ask(lab.url, "/api/optimizers/adam").json
    assert card["equation"] == cards()["Adam"].equation
    assert {setting["name"]: setting["kind"] for setting in card["hyperparameters"]}["betas"] == "decays"
    unknown = ask(lab.url, "/api/optimizers/adm")
    assert unknown.status == 404
    assert "did you mean 'Adam'" in unknown.json["detail"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surface": "beal"}, "did you mean 'beale'"),
        ({"surface": "x + z"}, "'z'"),
        ({"surface": "__import__('os').system('true')"}, "formula"),
        ({"surface": "(" * 399 + "x"}, "formula"),
        ({"optimizers": [{"optimizer": "SGD", "hyperparameters": {"nesterov": True}}]}, "[Nn]esterov"),
    ],
)
def test_what_only_the_animation_can_refuse_is_told_in_a_line(lab, change, words):
    told = ask(lab.url, "/api/animate", RECIPE | change)
    assert told.status == 422
    assert re.search(words, told.json["detail"])
    assert "\n" not in told.json["detail"]


@pytest.mark.parametrize("job", ["animate", "picture", "inspect"])
def test_an_animation_whose_time_is_over_says_what_to_lower(job):
    recipe = RecipeRequest.model_validate(RECIPE | {"steps": 2000, "tuning": "tuned"}).model_dump()
    arguments = {"recipe": recipe, "format": "png", "view": "contour", "path": 0, "step": 0}
    with pytest.raises(Refused, match="lower the steps") as caught:
        jobs.JOBS[job](recipe if job == "animate" else arguments, lambda: True)
    assert caught.value.status == 503


QUICK = RECIPE | {"steps": 12}


@pytest.mark.parametrize("view", ["contour", "3d", "both"])
def test_a_still_picture_is_one(lab, view):
    told = ask(lab.url, f"/api/picture/png?view={view}", QUICK)
    picture = Image.open(io.BytesIO(told.body))
    assert (told.headers["content-type"], picture.format) == ("image/png", "PNG")
    assert len(picture.convert("L").getcolors()) > 50


@pytest.mark.parametrize(("ending", "kind"), [("gif", "GIF"), ("webp", "WEBP")])
def test_a_picture_that_moves_moves(lab, ending, kind):
    told = ask(lab.url, f"/api/picture/{ending}", QUICK | {"steps": 4})
    picture = Image.open(io.BytesIO(told.body))
    assert (told.headers["content-type"], picture.format) == (f"image/{ending}", kind)
    assert picture.n_frames > 1


def test_files_are_what_their_names_say(lab):
    def file(ending: str) -> bytes:
        told = ask(lab.url, f"/api/picture/{ending}", QUICK)
        assert told.status == 200
        assert told.headers["content-disposition"] == f"attachment; filename*=UTF-8''paths-beale.{ending}"
        return told.body

    assert ElementTree.fromstring(file("svg")).tag.endswith("svg")
    assert json.loads(file("json"))["paths"][0]["optimizer"] == "Adam"
    ast.parse(file("py"))
    assert file("html").lstrip().lower().startswith(b"<!doctype html>")


def test_the_name_of_a_file_is_safe_whatever_the_surface_is_called(lab):
    told = ask(
        lab.url, "/api/picture/json", QUICK | {"surface": 'x*y/(2 + sin(x)) + "\'"'.replace('"\'"', "y^2")}
    )
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.-]+\.json", told.headers["content-disposition"])


def test_an_unknown_kind_of_picture_is_refused(lab):
    told = ask(lab.url, "/api/picture/exe", QUICK)
    assert told.status == 422
    assert told.json["detail"].startswith("format: should be 'png', 'svg'")


def test_equal_animations_are_run_once(lab):
    body = RECIPE | {"seed": 77}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ask(lab.url, "/api/animate", body).body, range(8)))
    assert len(set(found)) == 1  # with how long it took, which would differ


def test_a_client_that_goes_away_leaves_nothing_behind(lab):
    place = urlsplit(lab.url)
    body = json.dumps(RECIPE | {"seed": 5, "tuning": "tuned", "steps": 2000}).encode()
    head = f"POST /api/animate HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    for _ in range(3):
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    async def settled():
        while True:
            health = await asyncio.to_thread(ask, lab.url, "/api/health")
            if health.json["running"] == health.json["waiting"] == 0:
                return
            await asyncio.sleep(0.05)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            lambda: asyncio.run(asyncio.wait_for(settled(), QueueLimits().animation_seconds))
        ).result()


def test_a_body_without_a_length_is_bounded_too(lab):
    place = urlsplit(lab.url)
    head = f"POST /api/animate HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(7):
            connection.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_description_holds_every_path_and_every_refusal(lab):
    description = ask(lab.url, "/api/openapi.json").json
    posts = [path["post"] for path in description["paths"].values() if "post" in path]
    assert len(posts) == 4
    for operation in posts:
        assert {"200", "400", "401", "403", "413", "415", "422", "429", "503"} <= set(operation["responses"])
        problem = operation["responses"]["422"]["content"]["application/json"]["schema"]["$ref"]
        assert problem.endswith("/ProblemDetails")
