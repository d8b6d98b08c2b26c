"""What reaches a performance from outside: OSC, MIDI, the commands and knobs that they carry."""
