# ruff: noqa
"""Find the coefficients of the logarithm in functions.h (needs mpmath; takes a second).

(atanh(s) / s - 1) / s^2 as a polynomial in z = s^2, interpolated at the Chebyshev points of the z of (1 + s) / (1 - s)
between sqrt(1/2) and sqrt(2).
"""

from mpmath import atanh, cos, lu_solve, matrix, mp, mpf, pi, sqrt

mp.prec = 300
COUNT = 8
LARGEST = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2


def target(z):
    s = sqrt(z)
    return (atanh(s) / s - 1) / z


points = [LARGEST / 2 * (1 + cos(pi * (2 * k + 1) / (2 * COUNT))) for k in range(COUNT)]
powers = matrix(COUNT, COUNT)
for row, z in enumerate(points):
    for column in range(COUNT):
        powers[row, column] = z**column
exact = lu_solve(powers, matrix([target(z) for z in points]))
rounded = [float(c) for c in exact]
print(", ".join(c.hex() for c in rounded))

worst = mpf(0)
for k in range(1, 2001):
    z = LARGEST * k / 2000
    found = sum(mpf(c) * z**power for power, c in enumerate(rounded))
    worst = max(worst, abs(found / target(z) - 1))
print("relative error:", mp.nstr(worst, 3))
