"""One file per kind of component, each with `find(scene) -> list[Found]`; `READERS` lists them."""
