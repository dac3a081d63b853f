"""What may leave the house: releases, the published index, hydration, removal."""
