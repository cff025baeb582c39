"""What must be proven before an edit is safe: one question a function, shared by all families."""
