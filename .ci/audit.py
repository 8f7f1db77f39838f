"""Known vulnerabilities of what the lock names, by pip-audit; fails when there is one.

Where neither of the two vulnerability databases can be reached, it says so and does not fail: a machine without
network can show neither that there are any nor that there are none.
"""

from __future__ import annotations

import json
import subprocess
import sys

LOCK = "requirements.lock"
SECONDS = 180


def main() -> int:
    """Ask one database after the other."""
    reasons = []
    for service in ("pypi", "osv"):
        found, reason = audit(service)
        if found is not None:
            return tell(found, service=service)
        reasons.append(f"{service}: {reason}")
    print("pip-audit could not run here, nothing was audited. " + "; ".join(reasons))
    return 0


def audit(service: str) -> tuple[list[dict[str, object]] | None, str]:
    """The dependencies with what is known of them, or None and why not."""
    command = [
        sys.executable, "-m", "pip_audit", "-r", LOCK, "--require-hashes", "--disable-pip",
        "--vulnerability-service", service, "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        dependencies: list[dict[str, object]] = json.loads(run.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return None, f"no answer in {SECONDS} s"
    except (json.JSONDecodeError, KeyError):
        return None, (run.stderr.strip().splitlines() or ["no answer"])[-1][:200]
    audited = [dependency for dependency in dependencies if "skip_reason" not in dependency]
    if not audited:
        return None, f"knows none of {len(dependencies)} packages"
    return dependencies, ""


def tell(dependencies: list[dict[str, object]], *, service: str) -> int:
    """Print what was found; 1 when anything is vulnerable."""
    skipped = [item["name"] for item in dependencies if "skip_reason" in item]
    vulnerable = [item for item in dependencies if item.get("vulns")]
    print(f"pip-audit ({service}): {len(dependencies) - len(skipped)} packages audited", end="")
    print(f", not audited: {', '.join(map(str, skipped))}" if skipped else "")
    for item in vulnerable:
        print(json.dumps(item, ensure_ascii=False))
    return int(bool(vulnerable))


if __name__ == "__main__":
    sys.exit(main())
