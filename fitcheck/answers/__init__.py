"""One module for each question: what was asked → a frozen answer. No wording of layouts here."""
