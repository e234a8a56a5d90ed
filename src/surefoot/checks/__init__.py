"""Is a task ready for a study?  Frequent mistakes, each with its place and its remedy."""
