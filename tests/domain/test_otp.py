"""The second step of logging in, and how devices are named."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from webapp.domain import otp
from webapp.domain.appareils import appareil

NOW = datetime(2026, 3, 3, 9, 0, 10, tzinfo=UTC)
STEP = int(NOW.timestamp()) // otp.STEP
# RFC 6238, appendix B: the secret "12345678901234567890", at 1111111111 seconds.
RFC_SECRET, RFC_AT, RFC_CODE = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1111111111, "050471"


def test_a_code_is_the_one_of_the_rfc() -> None:
    at = datetime.fromtimestamp(RFC_AT, UTC)
    assert otp.step_of(RFC_SECRET, RFC_CODE, at, 0) == RFC_AT // 30
    assert otp.step_of(RFC_SECRET, "050 471", at, 0) == RFC_AT // 30
    assert otp.step_of(RFC_SECRET, "050472", at, 0) is None


@pytest.mark.parametrize(
    ("late", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)], ids=lambda value: str(value)
)
def test_a_code_is_good_one_step_before_and_after_and_once(late: int, accepted: bool) -> None:
    code = code_at(NOW)
    at = NOW + timedelta(seconds=late)
    assert otp.step_of(RFC_SECRET, code, at, 0) == (STEP if accepted else None)
    assert otp.step_of(RFC_SECRET, code, at, STEP) is None
    assert otp.step_of(RFC_SECRET, code, at, STEP - 1) == (STEP if accepted else None)


def code_at(moment: datetime) -> str:
    return pyotp.TOTP(RFC_SECRET).at(moment)


@pytest.mark.parametrize("text", ["", "abc", "1234567", "12345", "²³⁴⁵⁶⁷", "١٢٣٤٥٦"])
def test_what_is_no_code_is_refused(text: str) -> None:
    assert otp.step_of(RFC_SECRET, text, NOW, 0) is None


def test_recovery_codes_differ_and_are_known_however_they_are_typed() -> None:
    codes = otp.recovery_codes()
    assert len(set(codes)) == otp.RECOVERY and all(len(code) == 19 for code in codes)
    shown = codes[0]
    kept = otp.recovery_print(shown)
    assert len(kept) == 64
    assert {otp.recovery_print(text) for text in (shown.upper(), shown.replace("-", ""), f"  {shown} ")} == {kept}
    assert {otp.recovery_print(text) for text in ("", "123456", shown[:-1], "il0o-il0o-il0o-il0o")} == {""}


def test_the_address_of_the_qr_code_names_the_account_and_the_organisation() -> None:
    uri = otp.address(RFC_SECRET, account="nadia@mds.exemple.fr", issuer="Département d’ici")
    assert uri.startswith("otpauth://totp/D%C3%A9partement") and RFC_SECRET in uri and "nadia%40mds.exemple.fr" in uri


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox sur Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge sur Windows"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile Safari/537.36", "Chrome sur Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari sur iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.5 Safari/605.1.15", "Safari sur Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0", "Firefox sur Linux"),
        ("Werkzeug/3.1", "Appareil inconnu"),
        ("<script>alert(1)</script>", "Appareil inconnu"),
    ],
)
def test_devices_have_names(said: str, named: str) -> None:
    assert appareil(said) == named
