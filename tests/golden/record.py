"""Keep a session of a running program for ever: `python -m tests.golden.record URL SESSION NAME`.

Do so whenever the format of facts has grown. What was kept before is never recorded anew: if its test fails, the fold is wrong.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import httpx2

from services.core.model.fact import Fact
from tests.golden.seen import readers, seen

FOLDER: Final = Path(__file__).with_name("sessions")


def record(url: str, session: str, name: str) -> Path:
    """The session's facts, and what each reader knows of them."""
    items: list[dict[str, Any]] = []
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as http:
        while True:
            query = {"after": items[-1]["seq"] if items else 0, "limit": 200}
            page = http.get(f"/api/sessions/{session}/facts", params=query).raise_for_status().json()
            items += page["items"]
            if page["next_cursor"] is None:
                break
    facts = [Fact.from_dict(item) for item in items]
    kept = [{"role": reader.role, "member": reader.member, "seen": seen(facts, reader)} for reader in readers(facts)]
    path = FOLDER / f"{name}.json"
    with path.open("x", encoding="utf-8") as file:
        json.dump({"facts": items, "readers": kept}, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{record(*sys.argv[1:4])}\n")
