"""Where areas stand on the map: simplified outlines of the regions, and a grid of tiles for the municipalities."""

from __future__ import annotations

from dataclasses import dataclass

from engine import geography
from engine.geography import Kind

#: Points (x, y) of a closed line.
Ring = tuple[tuple[float, float], ...]

#: Width and height of the map of outlines in km.
EXTENT_KM = (350.0, 365.0)
#: Left, top, width and height in km of the frame of Bornholm, which is drawn 112 km west of where it lies.
INSET_KM = (297.0, 272.0, 45.0, 48.0)

#: Outlines in km east and south of 8° E, 57.8° N (a degree of longitude as at 56° N), clockwise. Simplified strongly by us, narrow
#: water closed and small islands left out, from the municipalities of DAGI (Danmarks Administrative Geografiske Inddeling,
#: Klimadatastyrelsen, dataforsyningen.dk, CC BY 4.0). Neighbours share their points.
_RINGS = {
    "1081": (
        "145,122 138,122 132,131 117,139 102,136 104,131 95,125 91,129 82,126 78,123 73,127 74,122 77,117 72,100 78,91 71,85 56,92 57,100 52,106 56,113 47,126 40,127 38,123 25,126 14,119 14,112 22,93 37,75 48,78 61,71 89,70 121,23 136,23 161,5 164,7 151,22 159,38 159,63 151,71 141,97",
        "179,59 182,55 188,55 189,53 197,52 199,54 193,58 188,67",
    ),
    "1082": (
        "74,122 73,127 80,131 82,126 91,129 95,125 104,131 102,136 117,139 132,131 138,122 145,122 144,133 149,141 179,143 184,150 182,162 171,175 169,185 165,175 149,183 147,179 154,178 156,170 149,168 139,180 142,197 137,217 130,213 117,216 128,221 126,233 113,237 104,233 104,228 90,219 86,208 79,206 64,219 54,212 51,221 35,217 29,226 23,221 10,221 11,215 15,213 17,218 23,212 19,194 6,190 7,165 18,167 7,151 10,127 13,124 17,134 31,140 39,137 38,147 46,147 47,138 40,131 33,136 25,126 38,123 40,127 45,131 47,126 56,113 65,106",
        "157,217 162,212 166,215 163,227 157,224",
    ),
    "1083": (
        "104,233 97,234 104,234 114,244 107,254 94,258 105,259 100,272 107,286 105,291 93,294 91,299 97,303 89,309 99,307 115,319 111,311 102,307 110,302 124,312 129,325 106,323 110,327 107,330 101,319 82,334 72,326 39,321 42,273 39,264 29,262 19,246 15,247 18,258 5,250 10,221 23,221 29,226 35,217 51,221 54,212 64,219 79,206 86,208 90,219 104,228",
        "104,256 112,250 121,255 145,242 155,250 154,263 163,258 166,248 171,258 164,263 175,273 175,293 172,303 167,308 163,305 165,316 157,315 161,307 150,308 140,301 130,303 135,298 132,291 119,287 113,262",
        "29,292 32,288 36,290 33,305 29,302",
        "163,331 169,326 167,320 175,313 180,296 183,294 181,312 176,319 171,340 166,341",
        "139,319 142,318 145,323 150,323 151,326 155,325 157,328 150,332",
    ),
    "1084": (
        "272,245 259,244 264,232 254,225 248,230 240,230 240,223 246,220 243,208 253,216 250,205 241,207 241,202 265,186 281,190 288,196 281,209 286,236 292,244 286,250 281,244",
        "304,300 305,288 309,279 314,285 334,297 334,303 329,313 309,306",
    ),
    "1085": (
        "240,230 248,230 245,238 249,235 254,239 254,225 264,232 259,244 272,245 262,254 261,262 276,271 277,281 250,294 251,298 261,299 257,303 259,313 242,313 232,300 237,295 229,292 232,289 202,289 199,273 193,274 200,269 196,245 186,231 204,230 212,218 219,216 218,205 228,207 234,203 234,211 228,211 233,220 225,225 234,225 228,232 235,231 235,238",
        "256,319 260,314 267,316 269,314 266,312 268,308 279,309 283,313 282,318 277,316 268,317 262,325 258,325",
        "186,334 194,331 188,321 197,316 205,317 221,331 228,323 233,325 233,316 240,316 243,321 247,318 248,323 259,328 247,346 247,360 241,352 241,341 237,351 223,349 215,355",
    ),
}

#: Middle of the name of an area in km, and True; or its left end beside an area too small for it, and False.
_NAMES = {
    "1081": (112.0, 88.0, True),
    "1082": (88.0, 176.0, True),
    "1083": (64.0, 247.0, True),
    "1084": (291.0, 216.0, False),
    "1085": (228.0, 266.0, True),
    "OST": (238.0, 262.0, True),
    "DK1": (80.0, 180.0, True),
    "DK2": (238.0, 262.0, True),
}

#: The tiles: assigned by annealing so that of the 192 pairs of municipalities with a common border (or a bridge) 91 % touch, 60 % with
#: a side; then the sea was cleared by hand.
_GRID = """
 .   .   .   .  HJØ FRH LÆS  .   .   .   .   .   .   .   .   .
 .   .  THI JAM BRS  .   .   .   .   .   .   .   .   .   .   .
 .   .  MOR VES AAL  .   .   .   .   .   .   .   .   .   .   .
 .  LEM STR REB MAR RAN NOR  .   .   .  HLS  .   .   .   .   .
 .   .  HOL SKI VIB FAV SYD  .   .  GRI FDB HØR RUD  .   .   .
 .   .  RKS HRN SIL SKA AAR  .   .  HAL HIL ALL FUR LYN  .   .
 .  VAR BIL IKA HOR ODD  .   .  ODS FRS EGE BAL HRV GLA GEN  .
FAN ESB VJN VEJ HED  .  SAM  .  HBK ROS HØT ALB GLO RØD KBH FRB
 .  TØN HAD KOL FRC  .   .  KAL SOR LEJ GRE ISH VAL BRY HVI TÅR
 .  AAB SØN  .   .   .   .   .  SLA RIN KØG SOL  .   .   .  DRA
 .   .   .   .  NFY ODE KER  .   .  NÆS FAX STE  .   .   .   .
 .   .   .  MID ASS FAA NYB  .   .   .  VOR  .   .   .   .  BOR
 .   .   .   .  ÆRØ SVE LAN  .   .  LOL GUL  .   .   .   .   .
"""
_LABELS = """
101 KBH 147 FRB 151 BAL 153 BRY 155 DRA 157 GEN 159 GLA 161 GLO 163 HRV 165 ALB 167 HVI 169 HØT 173 LYN 175 RØD
183 ISH 185 TÅR 187 VAL 190 FUR 201 ALL 210 FDB 217 HLS 219 HIL 223 HØR 230 RUD 240 EGE 250 FRS 253 GRE 259 KØG
260 HAL 265 ROS 269 SOL 270 GRI 306 ODS 316 HBK 320 FAX 326 KAL 329 RIN 330 SLA 336 STE 340 SOR 350 LEJ 360 LOL
370 NÆS 376 GUL 390 VOR 400 BOR 410 MID 420 ASS 430 FAA 440 KER 450 NYB 461 ODE 479 SVE 480 NFY 482 LAN 492 ÆRØ
510 HAD 530 BIL 540 SØN 550 TØN 561 ESB 563 FAN 573 VAR 575 VJN 580 AAB 607 FRC 615 HOR 621 KOL 630 VEJ 657 HRN
661 HOL 665 LEM 671 STR 706 SYD 707 NOR 710 FAV 727 ODD 730 RAN 740 SIL 741 SAM 746 SKA 751 AAR 756 IKA 760 RKS
766 HED 773 MOR 779 SKI 787 THI 791 VIB 810 BRS 813 FRH 820 VES 825 LÆS 840 REB 846 MAR 849 JAM 851 AAL 860 HJØ
"""


@dataclass(frozen=True, slots=True)
class Tile:
    """One municipality on the grid: its label of three letters, its column and row."""

    area: str
    label: str
    column: int
    row: int


def _tiles() -> tuple[Tile, ...]:
    words = _LABELS.split()
    areas = dict(zip(words[1::2], words[::2], strict=True))
    rows = [line.split() for line in _GRID.strip("\n").splitlines()]
    return tuple(
        Tile(areas[label], label, column, row)
        for row, line in enumerate(rows)
        for column, label in enumerate(line)
        if label != "."
    )


TILES = _tiles()
#: Columns and rows of the grid.
GRID = (1 + max(tile.column for tile in TILES), 1 + max(tile.row for tile in TILES))


def regions(area: str) -> tuple[str, ...]:
    """The regions with an outline that make up a region or a price area."""
    if area in _RINGS:
        return (area,)
    parts = geography.SUCCEEDED.get(area) or tuple(
        part for part in geography.children(area) if geography.kind(part) is Kind.REGION
    )
    return tuple(part for part in parts if part in _RINGS)


def outline(area: str) -> tuple[Ring, ...]:
    """Rings of a region or a price area in km from the upper left corner."""
    return tuple(_ring(points) for part in regions(area) for points in _RINGS[part])


def _ring(points: str) -> Ring:
    pairs = (point.split(",") for point in points.split())
    return tuple((float(x), float(y)) for x, y in pairs)


def name_place(area: str) -> tuple[float, float, bool]:
    """Where the name of a region or a price area stands, in km: its middle, on the area (True), or its left end, beside it (False)."""
    return _NAMES[area]
