"""Series of scenes on one grid, with a validity per date and one radiometry."""
