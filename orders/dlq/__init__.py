"""Dead letters as operators work on them: by a frozen plan, one canary, and a record of every deed."""
