"""What a browser says of itself, in words somebody recognises: "Firefox sur Windows"."""

NAVIGATEURS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chromium", "Chromium"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
SYSTEMES = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "Chromebook"),
    ("Macintosh", "Mac"), ("Linux", "Linux"),
)  # fmt: skip
"""Sign in what it says → its name; the first found is right (Edge says it is Chrome too, Android that it is Linux)."""


def appareil(navigateur: str) -> str:
    """The browser and the system, or the half of it that is known."""
    browser = next((name for sign, name in NAVIGATEURS if sign in navigateur), "")
    system = next((name for sign, name in SYSTEMES if sign in navigateur), "")
    if browser and system:
        return f"{browser} sur {system}"
    return browser or system or "Appareil inconnu"
