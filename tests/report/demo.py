"""The displays as a person sees them: `python tests/report/demo.py race|answer`."""

from __future__ import annotations

import sys
import time

from surefoot.report.terminal import RaceDisplay, print_answer
from surefoot.study.label import candidate_label
from tests.report.sample_study import sample_study


def race(pause: float) -> None:
    study = sample_study()
    screened = [run for run in study.runs if run.phase == "screen"]
    with RaceDisplay() as display:
        display.phase("look")
        display.decision(study.decisions[0].text)
        display.phase("screen")
        for place, run in enumerate(screened):
            label = candidate_label(run.candidate)
            after = screened[(place + 1) % len(screened)]
            display.running([(label, 1 / 9), (candidate_label(after.candidate), 1 / 27)])
            for point in run.points[-1:]:
                display.result(label, point.progress, point.value, run.status)
            display.decision(study.decisions[place + 2].text)
            display.budget(place, len(study.runs))
            time.sleep(pause)
        display.phase("confirm")
        for place, run in enumerate(study.runs[len(screened) :]):
            if run.points:
                label = candidate_label(run.candidate)
                display.result(label, 1.0, run.points[-1].value, run.status)
            display.budget(len(screened) + place, len(study.runs))
            time.sleep(pause)


if __name__ == "__main__":
    if sys.argv[1:] == ["race"]:
        race(0.1)
    else:
        print_answer(sample_study().answer or {})
