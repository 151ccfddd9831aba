"""The HTTP face: endpoints parse, ask the engine once, and answer."""
