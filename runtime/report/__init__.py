"""One page that tells why a patch sounds as it does: its making, what it learnt, and ten checks beside what chance gives."""
