"""Where people have a place: at which agencies, by which letters, with which contracts."""
