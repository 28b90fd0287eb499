"""How fast the site is, measured from outside on its real processes: see README.md in this folder."""
