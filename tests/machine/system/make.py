"""Builder of a derivation: writes the files that its variable `tree` tells of, as JSON, to $out.

A text is a file's content, with @out@ for the derivation's own path; one that begins with #! is
executable; {"link": TARGET} is a link; null an empty folder.
"""

import json
import os
import pathlib

variables = dict(os.environ)
out = variables["out"]
for name, content in json.loads(variables["tree"]).items():
    path = pathlib.Path(out, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        path.mkdir()
    elif isinstance(content, dict):
        path.symlink_to(content["link"])
    else:
        path.write_text(content.replace("@out@", out))
        path.chmod(0o755 if content.startswith("#!") else 0o644)
