"""From a mixture to ranked instruments: windows, look-ups, timelines and wording."""
