"""Where single notes of many instruments come from."""
