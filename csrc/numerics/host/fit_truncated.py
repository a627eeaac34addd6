# ruff: noqa
"""Find the coefficients in truncated.h and truncated64.h (needs numpy, scipy, mpmath; takes some minutes).

There are two methods. G in float32 has positive coefficients and sparse powers: a linear program minimizes the largest
weighted relative error, repeatedly, while one coefficient after another, from the lowest power up, is rounded to
float32 and fixed. (Powers that differ by products of x^1, 2, 4, 8, 16 cost one fma each; the lists were found by trying
all non-decreasing sequences of such steps for the cost.) All other polynomials are dense, and found by Remez's algorithm.
"""

import mpmath as mp
import numpy as np
from mpmath import mpf
from scipy.optimize import linprog
from scipy.special import erf, erfinv, ndtr, ndtri

TWO_SIGMAS = erf(np.sqrt(2.0))  # 2 Phi(2) - 1

# What is added to x^2, and from what the fourth root is subtracted: away from zero, so that no power is subnormal.
CENTER_START = 2.0**-7
WIDE_START = 0.7080078125  # 725 / 1024


def linear_program(x, target, weight, powers, fixed):
    """The free coefficients of sum c_k x^k that minimize max |sum / target - 1| weight, c_k >= 0."""
    free = [k for k in powers if k not in fixed]
    scale = x[-1]
    columns = (
        np.stack([(x / scale) ** k for k in free] or [0 * x], 1) / target[:, None] * weight[:, None]
    )
    rest = (target - sum(c * x**k for k, c in fixed.items())) / target * weight
    error = np.full((len(x), 1), 1e-6)  # the error's unit
    solution = linprog(
        np.append(np.zeros(columns.shape[1]), 1),
        A_ub=np.block([[columns, -error], [-columns, -error]]),
        b_ub=np.concatenate([rest, -rest]),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    ).x
    found = {k: c / scale**k for k, c in zip(free, solution)} | fixed
    return found, np.max(np.abs(sum(c * x**k for k, c in found.items()) / target - 1) * weight)


def sparse_fit(x, target, weight, powers):
    fixed = {}
    for k in powers:
        best = np.float32(linear_program(x, target, weight, powers, fixed)[0][k])
        # The lowest ones matter most: also their neighbors.
        tried = (
            [best, np.nextafter(best, np.float32(9)), np.nextafter(best, np.float32(-9))]
            if k <= 3
            else [best]
        )
        errors = [
            linear_program(x, target, weight, powers, fixed | {k: float(c)})[1] for c in tried
        ]
        fixed[k] = float(tried[int(np.argmin(errors))])
    print(
        "error",
        np.max(np.abs(sum(c * x**k for k, c in fixed.items()) / target - 1)),
        "weighted",
        min(errors),
    )
    print({k: c.hex() for k, c in fixed.items()})


def chebyshev_points(start, end, n=600):
    return start + (end - start) * (1 - np.cos(np.pi * np.arange(n + 1) / n)) / 2


def center32():
    y = chebyshev_points(CENTER_START, CENTER_START + 1)
    x = np.sqrt(y - CENTER_START)
    with np.errstate(all="ignore"):
        ratio = np.where(
            x < 1e-7, np.sqrt(np.pi / 2) * TWO_SIGMAS, np.sqrt(2) * erfinv(x * TWO_SIGMAS) / x
        )
    tolerance = np.interp(x, [0, 0.65, 0.85, 0.95, 1], [1.6, 1.5, 1.2, 0.9, 0.7])
    sparse_fit(y, ratio, 1 / tolerance, [0, 1, 2, 3, 4, 6, 10, 18, 34, 66])


def wide32():
    mass = ndtr(-3.03)
    r = chebyshev_points(
        WIDE_START - float(np.sqrt(np.float32(0.5))), WIDE_START - (mass - mass * mass) ** 0.25
    )
    product = np.minimum((WIDE_START - r) ** 4, 0.25)  # P (1 - P)
    x = np.sqrt(1 - 4 * product)
    mass = 2 * product / (1 + x)
    with np.errstate(all="ignore"):
        z = np.where(mass < 0.25, -ndtri(np.minimum(mass, 0.5)), np.sqrt(2) * erfinv(x))
        ratio = np.where(x < 1e-4, np.sqrt(np.pi / 2) * TWO_SIGMAS, z / x * TWO_SIGMAS)
    sparse_fit(r, ratio, np.ones_like(r), [0, 1, 2, 3, 4, 6, 8, 10, 18])


def inverse_tail(mass):
    """z with Phi(-z) = mass, by Halley's method."""
    z = mp.sqrt(-2 * mp.log(mass)) if mass < 0.3 else (0.5 - mass) * mp.sqrt(2 * mp.pi)
    if mass < 0.1:
        z -= mp.log(z * mp.sqrt(2 * mp.pi)) / z
    for _ in range(60):
        step = (mp.erfc(z / mp.sqrt(2)) / 2 - mass) * mp.sqrt(2 * mp.pi) * mp.exp(z * z / 2)
        step = step / (1 - z * step / 2) if abs(z * step) < 1 else step
        z += step
        if abs(step) < mpf(10) ** -38:
            break
    return z


def remez(function, start, end, degree, weight, rounds=10):
    n = degree + 2
    points = [(start + end) / 2 - (end - start) / 2 * mp.cos(mp.pi * i / (n - 1)) for i in range(n)]
    grid = [
        (start + end) / 2 - (end - start) / 2 * mp.cos(mp.pi * i / (30 * n))
        for i in range(30 * n + 1)
    ]
    for _ in range(rounds):
        system, right = mp.matrix(n, n), mp.matrix(n, 1)
        for i, x in enumerate(points):
            for k in range(degree + 1):
                system[i, k] = x**k
            system[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = function(x)
        c = list(mp.lu_solve(system, right))[:-1]
        error = [(mp.polyval(c[::-1], x) - function(x)) * weight(x) for x in grid]
        peaks = []  # the largest error of each sign run
        for i, e in enumerate(error):
            if not peaks or (e > 0) != (error[peaks[-1]] > 0):
                peaks.append(i)
            elif abs(e) > abs(error[peaks[-1]]):
                peaks[-1] = i
        if len(peaks) < n:
            break
        while len(peaks) > n:
            peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
        points = [grid[i] for i in peaks]
    print("error", mp.nstr(max(map(abs, error)), 3))
    return c


def tail(start, end, center, degree, rounding):
    shift = mp.memoize(lambda r: r - inverse_tail(mp.exp(-r * r / 2)))
    start, end, center = mpf(start), mpf(end), mpf(center)
    c = remez(
        lambda s: shift(s + center),
        start - center,
        end - center,
        degree,
        lambda s: 1 / (s + center - shift(s + center)),
    )
    print([float(rounding(float(x))).hex() for x in c])


def ratio64(degree):
    start, two_sigmas = mpf(float(mp.sqrt(mpf(1) / 2))), mp.erf(mp.sqrt(2))

    @mp.memoize
    def ratio(r):
        product = (start - r) ** 4
        x = mp.sqrt(max(0, 1 - 4 * product))
        if x < mpf(10) ** -6:  # the inverse error function's first terms
            return mp.sqrt(mp.pi / 2) * two_sigmas * (1 + mp.pi * x * x / 12)
        return inverse_tail(2 * product / (1 + x)) / x * two_sigmas

    mass = mp.erfc(mpf("2.52") / mp.sqrt(2)) / 2
    c = remez(
        ratio, mpf(0), start - (mass - mass * mass) ** mpf("0.25"), degree, lambda r: 1 / ratio(r)
    )
    print([float(x).hex() for x in c])


if __name__ == "__main__":
    mp.mp.dps = 45
    print("center_value, float32")
    center32()
    print("wide_value, float32")
    wide32()
    print("tail_near, tail_deep, float32")
    tail("2.53", "7.26", "4.5", 9, np.float32)
    tail("7.24", "15", "10", 7, np.float32)
    print("center_ratio, float64")
    ratio64(17)
    print("tail_magnitude, float64")
    tail("2.53", "7.3", "4.5", 18, float)
    tail("7.2", "16.4", "11", 15, float)
