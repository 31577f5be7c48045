"""The build of the functions' artefacts: plain Python before synthesis, no Docker."""
