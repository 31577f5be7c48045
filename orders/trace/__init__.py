"""An order's whole story, gathered from where its parts are kept: `orders trace`.

`gather` asks every source and lets each fail alone; `stored`, `log_lines`, `payment` and `shipment` are the
sources; `telling` groups log lines into a `story` of executions and attempts; `agreement` holds the sources
against each other; `as_json` and `render` show what came out.
"""
