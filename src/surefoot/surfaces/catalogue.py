"""The table of test surfaces.

    SURFACES["rosenbrock"].formula, SURFACES["rosenbrock"].minima

Minima and saddles are all those within the domain, to ten decimals; maxima are not listed.  Domains are
chosen so that the list is complete.  `find_surface` in `surfaces.py` searches the table.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from surefoot.surfaces.surface import Pair, Surface

_SURVEY = "Jamil & Yang 2013, A literature survey of benchmark functions for global optimisation problems"


def _mirrored(*points: Pair) -> tuple[Pair, ...]:
    """Each point with its images in both axes."""
    images = {(a * x + 0.0, b * y + 0.0): None for x, y in points for a in (1, -1) for b in (1, -1)}
    return tuple(images)


def _opposite(*points: Pair) -> tuple[Pair, ...]:
    """Each point with its image in the origin."""
    return tuple(dict.fromkeys((a * x + 0.0, a * y + 0.0) for x, y in points for a in (1, -1)))


def _swapped(*points: Pair) -> tuple[Pair, ...]:
    """Each point with its image in the diagonal x = y."""
    return tuple(dict.fromkeys(image for x, y in points for image in ((x, y), (y, x))))


def _pairs(first: Iterable[float], second: Iterable[float]) -> tuple[Pair, ...]:
    """Of a sum of one function of x and the same of y: each of the first with each of the second."""
    return tuple(itertools.product(first, second))


_RASTRIGIN_LOW = (0.0, 0.9949586377, -0.9949586377, 1.9899122337, -1.9899122337)
_RASTRIGIN_HIGH = (0.5025460366, -0.5025460366, 1.5076407319, -1.5076407319)
_STYBLINSKI_LOW = (-2.9035340278, 2.7468027710)
_STYBLINSKI_HIGH = (0.1567312568,)

_TABLE = (
    Surface(
        "beale",
        "(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2",
        x=(-4.5, 4.5),
        y=(-4.5, 4.5),
        start=(1.0, 1.5),
        minima=((3.0, 0.5),),
        saddles=((0.0, 1.0), (0.1005379373, -2.6445135850)),
        stable_lr=0.04083317117,
        about="Steep walls around a long, flat, bent valley: who is fast on the wall is slow on its floor.",
        source="Beale 1958, On an iterative method for finding a local minimum of a function",
    ),
    Surface(
        "rosenbrock",
        "(1 - x)^2 + 100*(y - x^2)^2",
        x=(-2.0, 2.0),
        y=(-1.0, 3.0),
        start=(-1.2, 1.0),
        minima=((1.0, 1.0),),
        stable_lr=0.001996803837,
        about="A bent valley, 2500 times steeper across than along: all find it, few follow it to its end.",
        source="Rosenbrock 1960, An automatic method for finding the greatest or least value of a function",
    ),
    Surface(
        "rastrigin",
        "20 + x^2 + y^2 - 10*cos(2*pi*x) - 10*cos(2*pi*y)",
        x=(-2.4, 2.4),
        y=(-2.4, 2.4),
        start=(2.2, -1.7),
        minima=_pairs(_RASTRIGIN_LOW, _RASTRIGIN_LOW),
        saddles=_pairs(_RASTRIGIN_LOW, _RASTRIGIN_HIGH) + _pairs(_RASTRIGIN_HIGH, _RASTRIGIN_LOW),
        stable_lr=0.005040523591,
        about="A lattice of wells in a bowl: small steps stay in the nearest well, large ones hop.",
        source="Rastrigin 1974, Systems of extremal control",
    ),
    Surface(
        "himmelblau",
        "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
        x=(-6.0, 6.0),
        y=(-6.0, 6.0),
        start=(-0.2, -1.4),
        minima=(
            (3.0, 2.0),
            (-2.8051180870, 3.1313125183),
            (-3.7793102534, -3.2831859913),
            (3.5844283403, -1.8481265270),
        ),
        saddles=(
            (0.0866775046, 2.8842547012),
            (3.3851541836, 0.0738518798),
            (-3.0730257508, -0.0813530443),
            (-0.1279613467, -1.9537149802),
        ),
        stable_lr=0.01494929030,
        about="Four wells of equal depth around a hill: from near its top, paths part for different wells.",
        source="Himmelblau 1972, Applied nonlinear programming",
    ),
    Surface(
        "booth",
        "(x + 2*y - 7)^2 + (2*x + y - 5)^2",
        x=(-10.0, 10.0),
        y=(-10.0, 10.0),
        start=(-6.0, 8.0),
        minima=((1.0, 3.0),),
        stable_lr=0.1111111111,
        about="A bowl, nine times steeper along one diagonal than along the other.",
        source=_SURVEY,
    ),
    Surface(
        "matyas",
        "0.26*(x^2 + y^2) - 0.48*x*y",
        x=(-10.0, 10.0),
        y=(-10.0, 10.0),
        start=(-9.2, 3.4),
        minima=((0.0, 0.0),),
        stable_lr=2.0,
        about="A flat trough along the diagonal: a step for each coordinate alone cannot see its direction.",
        source=_SURVEY,
    ),
    Surface(
        "three-hump-camel",
        "2*x^2 - 1.05*x^4 + x^6/6 + x*y + y^2",
        x=(-2.5, 2.5),
        y=(-2.5, 2.5),
        start=(-2.3, 1.9),
        minima=((0.0, 0.0), *_opposite((1.7475523458, -0.8737761729))),
        saddles=_opposite((1.0705422918, -0.5352711459)),
        stable_lr=0.4530818393,
        about="A deep well between two shallow ones: momentum may carry an optimizer over into the deep one.",
        source="Dixon & Szegő 1978, Towards global optimisation 2",
    ),
    Surface(
        "six-hump-camel",
        "(4 - 2.1*x^2 + x^4/3)*x^2 + x*y + (4*y^2 - 4)*y^2",
        x=(-2.1, 2.1),
        y=(-1.2, 1.2),
        start=(-1.95, -0.15),
        minima=_opposite(
            (0.0898420131, -0.7126564030), (1.7036067150, -0.7960835687), (1.6071047529, 0.5686514549)
        ),
        saddles=_opposite(
            (0.0, 0.0),
            (1.1092053368, -0.7682680925),
            (1.6380679842, 0.2286740690),
            (1.2960702672, 0.6050843880),
        ),
        stable_lr=0.1212621309,
        about="Six wells of three depths: the start lies beside a pass between the shallow and the middle.",
        source="Dixon & Szegő 1978, Towards global optimisation 2",
    ),
    Surface(
        "styblinski-tang",
        "(x^4 - 16*x^2 + 5*x + y^4 - 16*y^2 + 5*y)/2",
        x=(-5.0, 5.0),
        y=(-5.0, 5.0),
        start=(-0.3, 4.4),
        minima=_pairs(_STYBLINSKI_LOW, _STYBLINSKI_LOW),
        saddles=_pairs(_STYBLINSKI_LOW, _STYBLINSKI_HIGH) + _pairs(_STYBLINSKI_HIGH, _STYBLINSKI_LOW),
        stable_lr=0.05783178388,
        about="Four wells of unequal depth around a hill, the deepest in one corner.",
        source="Styblinski & Tang 1990, Experiments in nonconvex optimization",
    ),
    Surface(
        "ackley",
        "20 + e - 20*exp(-0.2*sqrt((x^2 + y^2)/2)) - exp((cos(2*pi*x) + cos(2*pi*y))/2)",
        x=(-2.3, 2.3),
        y=(-2.3, 2.3),
        start=(-2.2, 1.7),
        minima=_mirrored(
            (0.0, 0.0),
            *_swapped((0.9521665460, 0.0), (1.9589197181, 0.0), (0.9824160351, 1.9646166629)),
            (0.9684776587, 0.9684776587),
            (1.9744519865, 1.9744519865),
        ),
        saddles=_mirrored(
            *_swapped(
                (0.6257806169, 0.0),
                (1.6102960206, 0.0),
                (0.5774125353, 0.8747620389),
                (0.9458984927, 1.5950289241),
                (0.5364972381, 1.8559767090),
                (1.5674502529, 1.9161668490),
            ),
        ),
        about="A funnel full of small wells, with a kink at its bottom instead of a bowl.",
        source="Ackley 1987, A connectionist machine for genetic hillclimbing",
    ),
    Surface(
        "goldstein-price",
        "(1 + (x + y + 1)^2*(19 - 14*x + 3*x^2 - 14*y + 6*x*y + 3*y^2))"
        "*(30 + (2*x - 3*y)^2*(18 - 32*x + 12*x^2 + 48*y - 36*x*y + 27*y^2))",
        x=(-2.0, 2.0),
        y=(-2.0, 2.0),
        start=(0.9, -1.3),
        minima=((0.0, -1.0), (-0.6, -0.4), (1.8, 0.2), (1.2, 0.8)),
        saddles=((-0.4, -0.6), (1.2, -0.2), (1.4, 0.6), (0.6, 0.4)),
        stable_lr=0.002072175986,
        about="Heights from 3 to a million: a learning rate that is safe on the walls crawls on the floor.",
        source="Goldstein & Price 1971, On descent from local minima",
    ),
    Surface(
        "griewank",
        "1 + (x^2 + y^2)/4000 - cos(x)*cos(y/sqrt(2))",
        x=(-7.0, 7.0),
        y=(-7.0, 7.0),
        start=(-4.9, 5.8),
        minima=_mirrored((0.0, 0.0), (3.1400226339, 4.4384444809), (6.2800452794, 0.0)),
        saddles=_mirrored(
            (1.5723679104, 2.2225533026),
            (4.7108205345, 2.2181104088),
            (1.5660847020, 6.6632170057),
            (4.7171037585, 6.6676599435),
        ),
        stable_lr=1.999000500,
        about="Wells of almost the same depth: where an optimizer starts decides where it ends.",
        source="Griewank 1981, Generalized descent for global optimization",
    ),
    Surface(
        "monkey-saddle",
        "x^3 - 3*x*y^2",
        x=(-1.6, 1.6),
        y=(-1.6, 1.6),
        start=(1.2, 0.05),
        saddles=((0.0, 0.0),),
        about="A flat saddle with three ways down, and no bottom: leaving the picture is success.",
        source="Hilbert & Cohn-Vossen 1932, Anschauliche Geometrie",
    ),
    Surface(
        "saddle",
        "x^2 - y^2 + y^4/4",
        x=(-2.2, 2.2),
        y=(-2.2, 2.2),
        start=(-1.5, 0.01),
        minima=((0.0, 1.4142135624), (0.0, -1.4142135624)),
        saddles=((0.0, 0.0),),
        stable_lr=0.5,
        about="Down to a saddle, almost along its ridge, then off to one of two wells: who lingers?",
        source="the saddle x² − y² with a bottom, so that no optimizer can win by falling for ever",
    ),
    Surface(
        "long-valley",
        "x^2/100 + y^2",
        x=(-10.0, 10.0),
        y=(-4.0, 4.0),
        start=(-9.0, 2.6),
        minima=((0.0, 0.0),),
        stable_lr=1.0,
        about="A hundred times steeper across than along: zigzag, momentum, and a rate for each coordinate.",
        source="the quadratic of condition number 100, as in Goh 2017, Why momentum really works",
    ),
    Surface(
        "two-wells",
        "(x^2 - 1)^2 + 0.3*x + y^2",
        x=(-2.0, 2.0),
        y=(-2.0, 2.0),
        start=(1.9, 1.3),
        minima=((-1.0355787141, 0.0), (0.9601495555, 0.0)),
        saddles=((0.0754291586, 0.0),),
        stable_lr=0.2255025508,
        about="A shallow well before a deep one: speed from the wall may carry an optimizer over the pass.",
        source="the tilted double well of physics",
    ),
    Surface(
        "plateau",
        "1 - exp(-(x^2 + 2*y^2)/2)",
        x=(-4.0, 4.0),
        y=(-4.0, 4.0),
        start=(-2.8, 1.6),
        minima=((0.0, 0.0),),
        stable_lr=1.0,
        about="Flat, then a hole: steps in proportion to the gradient hardly move, normalised ones walk.",
        source="a well of Gaussian shape",
    ),
    Surface(
        "noisy-quadratic",
        "(x^2 + 10*y^2)/2",
        x=(-4.0, 4.0),
        y=(-4.0, 4.0),
        start=(-3.4, 2.6),
        minima=((0.0, 0.0),),
        stable_lr=0.2,
        noise=2.0,
        about="A bowl seen through noisy gradients: a high learning rate arrives soon and then trembles.",
        source="Zhang et al. 2019, Which algorithmic choices matter at which batch sizes?",
    ),
)

SURFACES: dict[str, Surface] = {surface.name: surface for surface in _TABLE}
"""By name, in the order in which they are shown."""
