"""A wrong gradient as a picture of characters: where the error sits."""

from __future__ import annotations

import numpy as np

from backprop.diagnosis._facts import Facts

#: A picture has no more rows and columns than these.
PICTURE = (16, 60)


def picture(facts: Facts) -> str:
    """Where the error sits, as text: a mark for each entry, or for the worst of a block."""
    claim, numerical = np.atleast_2d(facts.claim), np.atleast_2d(facts.numerical)
    rows = claim.reshape(-1, claim.shape[-1])
    others = numerical.reshape(rows.shape)
    wrong = np.atleast_2d(facts.wrong).reshape(rows.shape)
    scale = np.nanmax(np.abs(others), initial=np.finfo(float).tiny)
    level = np.where(wrong, np.where(np.abs(rows - others) > 0.1 * scale, 3, 2), 1)
    level[np.isnan(others)] = 0
    high, wide = (-(-size // most) for size, most in zip(rows.shape, PICTURE, strict=True))
    marks = "?·+#"
    lines = [
        "".join(
            marks[int(level[i : i + high, j : j + wide].max())]
            for j in range(0, rows.shape[1], wide)
        )
        for i in range(0, rows.shape[0], high)
    ]
    block = f"; a mark is a block of {high} by {wide} entries" if high * wide > 1 else ""
    unknown = ", ? not measured" if (level == 0).any() else ""
    return f"· right, + off, # off by much{unknown}{block}\n" + "\n".join(lines)
