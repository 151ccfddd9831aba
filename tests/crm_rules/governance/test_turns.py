import threading
import time
from pathlib import Path

from crm_rules.governance.turns import alone


def test_two_who_change_one_file_take_turns(tmp_path: Path) -> None:
    path, seen = tmp_path / "count.json", []
    path.write_text("0")

    def count() -> None:
        for _ in range(50):
            with alone(path):
                found = int(path.read_text())
                time.sleep(0)
                path.write_text(str(found + 1))
                seen.append(found)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "200"
    assert seen == list(range(200))
