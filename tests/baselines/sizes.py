"""Known sizes of every method: a change is either a mistake or a new entry in the changelog."""

from typing import NamedTuple


class Size(NamedTuple):
    """Parameters, and multiply-adds of one face at 16 to 128 without and with five references."""

    parameters: int
    macs: int
    macs_at_5: int


SIZES = {
    "bicubic": Size(0, 884_736, 884_736),
    "ctcnet": Size(17_290_401, 7_001_309_184, 7_001_309_184),
    "ctcnet_s": Size(1_904_669, 760_518_144, 760_518_144),
    "edsr": Size(1_665_283, 1_133_789_184, 1_133_789_184),
    "esrgan_s": Size(3_344_835, 1_641_517_056, 1_641_517_056),
    "fsrnet": Size(1_478_214, 11_534_958_592, 11_534_958_592),
    "fsrnet_s": Size(147_870, 880_017_408, 880_017_408),
    "masa_s": Size(1_766_699, 923_811_840, 2_059_763_712),
    "mean_reference": Size(0, 0, 0),
    "mrefsr_s": Size(1_527_078, 923_811_840, 1_856_962_560),
    "msrnet": Size(2_829_409, 1_542_029_312, 9_979_234_112),
    "nearest_reference": Size(0, 0, 0),
    "rcan": Size(15_740_067, 4_701_147_136, 4_701_147_136),
    "rcan_s": Size(2_120_019, 1_247_045_632, 1_247_045_632),
    "rrdbnet": Size(16_734_915, 5_668_356_096, 5_668_356_096),
    "rrdbnet_s": Size(3_344_835, 1_641_517_056, 1_641_517_056),
    "sparnet": Size(10_518_867, 7_131_119_616, 7_131_119_616),
    "sparnet_s": Size(2_008_623, 1_680_039_936, 1_680_039_936),
    "srcnn": Size(69_251, 1_133_871_104, 1_133_871_104),
    "swinir": Size(12_047_911, 3_973_377_024, 3_973_377_024),
    "swinir_light": Size(1_007_532, 293_446_656, 293_446_656),
    "ttsr_s": Size(1_476_427, 973_094_912, 1_723_793_408),
    "vdsr": Size(668_227, 10_929_143_808, 10_929_143_808),
    "vdsr_s": Size(168_227, 2_747_105_280, 2_747_105_280),
    "warp_s": Size(1_724_662, 923_811_840, 1_752_367_104),
    "wfen": Size(7_008_695, 6_347_390_976, 6_347_390_976),
    "wfen_s": Size(1_586_115, 914_456_576, 914_456_576),
}
