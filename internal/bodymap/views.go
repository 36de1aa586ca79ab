// SPDX-License-Identifier: AGPL-3.0-or-later

package bodymap

import (
	"math"
	"slices"
)

const (
	left, right, middle = "left", "right", "middle"
)

// Views are all drawings, in the order in which they are shown.
func Views() []View {
	front, back := body()
	profile := profile()
	headLeft := headSide()
	dorsal, palmar := hand()
	top, sole := foot()
	return []View{
		front, back, profile, profile.mirror("right", right),
		headFront(), headBack(), headLeft, headLeft.mirror("head_right", right), teeth(),
		dorsal.mirror("hand_l_dorsal", left), dorsal, palmar, palmar.mirror("hand_r_palmar", right),
		top.mirror("foot_l_dorsal", left), top, sole, sole.mirror("foot_r_plantar", right),
		perineum(),
	}
}

// The body from the front and from the back: one outline, half of it drawn.
func body() (front, back View) {
	const w, h = 400, 900
	half := pts(`200,20 182,23 168,37 163,58 165,80 172,97 183,110
		184,121 182,132 172,142 150,150 127,158 112,170 104,188
		99,215 95,250 90,285 85,318 77,350 71,385 66,412
		60,430 51,444 45,458 47,466 54,463 60,452 58,478 61,496 68,503 77,498 82,480 85,458 86,436
		88,414 97,385 105,350 111,318 115,290 121,255 126,228 132,207
		135,226 139,260 143,300 144,330 143,350 139,378 132,410 128,436
		125,470 127,520 132,570 138,610 141,640 142,665
		138,700 139,735 145,780 151,815 152,836 147,856 136,871 134,882 146,888 165,888 178,882
		178,857 176,830 179,780 183,735 182,700 181,665 182,640 188,590 194,530 198,482 200,464`)
	outline := whole(half, w)
	arms := func(hand string, onLeft, onRight string) []Region {
		return slices.Concat(
			pair("upper_arm", onLeft, onRight, "80,205 128,205 133,222 118,280 80,280", w),
			pair("elbow", onLeft, onRight, "70,280 118,280 113,325 70,325", w),
			pair("forearm", onLeft, onRight, "50,325 113,325 94,398 50,396", w),
			pair("wrist", onLeft, onRight, "45,396 94,398 92,422 45,420", w),
			pair(hand, onLeft, onRight, "40,420 92,422 92,462 62,458 52,452 40,440", w),
			pair("fingers", onLeft, onRight, "40,440 52,452 62,458 92,462 92,510 35,510", w))
	}
	front = View{ID: "front", Group: "body", Width: w, Height: h, OnLeft: right, OnRight: left}
	f := layer(outline, slices.Concat(
		[]Region{region("forehead", middle, pts("160,15 240,15 240,56 160,56")), region("face", middle, pts("160,56 240,56 240,100 222,114 178,114 160,100")),
			region("neck_front", middle, pts("178,114 222,114 226,136 200,150 174,136"))},
		pair("shoulder", right, left, "174,136 160,134 80,134 80,205 128,205 132,207 140,178 152,160", w),
		pair("chest", right, left, "200,150 174,136 152,160 140,178 131,207 200,207", w),
		pair("breast", right, left, "131,207 200,207 200,248 131,248", w),
		pair("ribs", right, left, "131,248 200,248 200,266 178,300 163,303 131,308", w),
		pair("flank", right, left, "131,308 163,303 158,374 120,374", w),
		pair("abdomen", right, left, "200,266 178,300 163,303 158,374 200,374", w),
		pair("hip", right, left, "110,374 152,374 143,442 110,452", w),
		pair("groin", right, left, "152,374 166,374 184,430 190,482 168,470 143,442", w),
		[]Region{region("pelvis", middle, pts("166,374 234,374 216,430 184,430")), region("genitals", middle, pts("184,430 216,430 211,484 189,484"))},
		pair("thigh", right, left, "110,452 143,442 168,470 190,482 200,484 200,618 110,618", w),
		pair("knee", right, left, "110,618 200,618 200,684 110,684", w),
		pair("calf", right, left, "110,684 200,684 200,808 110,808", w),
		pair("ankle", right, left, "110,808 200,808 200,848 110,848", w),
		pair("foot_top", right, left, "110,848 200,848 200,872 110,872", w),
		pair("toes", right, left, "110,872 200,872 200,900 110,900", w),
		arms("palm", right, left),
	)...)
	f.Lines = "M178,62 q6,-4 12,0 M210,62 q6,-4 12,0 M200,66 L197,82 Q200,85 203,82 M190,96 Q200,100 210,96 M150,172 Q176,176 192,168 M250,172 Q224,176 208,168 M200,352 v5"
	front.Layers = []Layer{f}

	back = View{ID: "back", Group: "body", Width: w, Height: h, OnLeft: left, OnRight: right}
	b := layer(outline, slices.Concat(
		[]Region{region("scalp", middle, pts("160,15 240,15 240,98 160,98")), region("neck_back", middle, pts("160,98 240,98 224,134 200,142 176,134"))},
		pair("shoulder", left, right, "176,134 160,134 80,134 80,205 128,205 132,207 138,178 152,158", w),
		pair("upper_back", left, right, "192,140 176,134 152,158 138,178 131,207 131,252 192,252", w),
		pair("ribs", left, right, "131,252 192,252 192,304 131,304", w),
		pair("flank", left, right, "131,304 158,304 156,374 120,374", w),
		pair("lower_back", left, right, "158,304 192,304 192,374 156,374", w),
		[]Region{region("spine", middle, pts("192,140 208,140 208,398 192,398"))},
		pair("hip", left, right, "110,374 150,374 140,476 110,476", w),
		pair("buttock", left, right, "150,374 192,374 192,398 200,398 200,484 140,476", w),
		[]Region{region("anus_perineum", middle, pts("192,438 208,438 206,484 194,484"))},
		pair("thigh", left, right, "110,476 140,476 200,484 200,618 110,618", w),
		pair("knee", left, right, "110,618 200,618 200,684 110,684", w),
		pair("calf", left, right, "110,684 200,684 200,808 110,808", w),
		pair("ankle", left, right, "110,808 200,808 200,856 110,856", w),
		pair("sole", left, right, "110,856 200,856 200,900 110,900", w),
		arms("hand_back", left, right),
	)...)
	b.Lines = "M168,184 Q180,206 172,236 M232,184 Q220,206 228,236 M200,404 V468 M150,474 Q176,484 198,470 M250,474 Q224,484 202,470 M152,652 Q162,656 172,652 M248,652 Q238,656 228,652"
	back.Layers = []Layer{b}
	return front, back
}

// The body from the left: it looks to the left of the picture.
func profile() View {
	const w, h = 300, 900
	v := View{ID: "left", Group: "body", Width: w, Height: h}
	trunk := layer(pts(`164,18 140,22 124,38 118,58 116,68 108,84 115,90 114,100 120,112 138,114
		142,130 134,150 120,180 112,210 112,240 116,280 115,320 113,352 118,384 122,410 120,450
		120,520 128,590 131,630 129,660 135,700 142,760 145,815 130,846 100,868 86,880 94,890 140,890 176,890 190,880
		187,850 180,815 188,760 198,715 194,672 190,640 200,570 208,500 216,452 224,415 221,380 206,348
		206,310 216,245 216,192 202,158 190,136 192,116 202,88 204,56 190,28`),
		region("scalp", left, pts("125,10 215,10 215,104 158,104 170,92 170,66 172,46 130,40")),
		region("forehead", left, pts("110,30 130,40 172,46 170,66 105,68")),
		region("face", left, pts("100,66 170,66 170,92 158,104 100,98")),
		region("ear", left, oval(170, 80, 10, 14)),
		region("jaw", left, pts("100,98 158,104 152,118 100,120")),
		region("neck_front", left, pts("120,118 152,118 158,104 164,104 160,150 110,140")),
		region("neck_back", left, pts("164,104 215,104 215,140 180,156 160,150")),
		region("chest", left, pts("90,140 110,140 160,150 158,205 90,205")),
		region("breast", left, pts("90,205 158,205 158,250 90,250")),
		region("ribs", left, pts("90,250 230,250 230,302 90,306")),
		region("upper_back", left, pts("160,150 180,156 240,140 240,250 158,250")),
		region("abdomen", left, pts("90,306 142,304 140,378 90,378")),
		region("flank", left, pts("142,304 180,303 182,374 140,378")),
		region("lower_back", left, pts("180,303 240,302 240,366 182,374")),
		region("groin", left, pts("90,378 140,378 138,430 90,440")),
		region("hip", left, pts("140,378 182,374 184,450 138,452 138,430")),
		region("buttock", left, pts("182,374 240,366 240,466 184,466")),
		region("thigh", left, pts("90,440 138,430 138,452 184,450 184,466 240,466 240,606 90,606")),
		region("knee", left, pts("90,606 240,606 240,676 90,676")),
		region("calf", left, pts("90,676 240,676 240,802 90,802")),
		region("ankle", left, pts("90,802 240,802 240,848 120,848")),
		region("foot_top", left, pts("60,820 120,820 240,848 240,876 112,878 60,870")),
		region("toes", left, pts("60,862 112,858 112,900 60,900")),
		region("sole", left, pts("112,876 240,874 240,900 112,900")),
	)
	trunk.Lines = "M124,66 q5,-3 9,0 M112,99 h10 M166,72 Q176,70 176,82 Q174,92 168,92"
	arm := layer(pts(`172,152 154,164 146,190 144,230 146,280 148,316 142,350 140,385 142,412 136,440 138,466 146,488 156,498 164,494 168,470 170,440 168,412 174,385 180,350 182,316 186,280 194,230 196,190 190,164`),
		region("shoulder", left, pts("120,140 210,140 210,206 120,206")),
		region("upper_arm", left, pts("120,206 210,206 210,284 120,284")),
		region("elbow", left, pts("120,284 210,284 210,328 120,328")),
		region("forearm", left, pts("120,328 210,328 210,392 120,392")),
		region("wrist", left, pts("120,392 210,392 210,418 120,418")),
		region("hand_back", left, pts("120,418 210,418 210,458 120,458")),
		region("fingers", left, pts("120,458 210,458 210,510 120,510")),
	)
	v.Layers = []Layer{trunk, arm}
	return v
}

const headW, headH = 400, 480

var headHalf = `200,26 152,34 112,64 90,112 84,168 76,166 66,176 64,200 70,230 82,252 92,254 96,284 108,326 132,366 140,392 138,424 116,446 70,468 60,492 200,500`

func headFront() View {
	v := View{ID: "head_front", Group: "head", Width: headW, Height: headH, OnLeft: right, OnRight: left}
	l := layer(whole(pts(headHalf), headW), slices.Concat(
		[]Region{region("scalp", middle, pts("40,0 360,0 360,96 40,96"))},
		pair("forehead", right, left, "80,96 200,96 200,176 80,160", headW),
		pair("ear", right, left, "50,150 88,160 94,262 50,262", headW),
		pair("face", right, left, "88,160 200,176 200,300 148,316 118,352 90,300", headW),
		pair("eye", right, left, "108,176 184,180 184,220 150,228 108,216", headW),
		[]Region{region("nose", middle, pts("184,180 216,180 234,276 224,292 176,292 166,276"))},
		pair("jaw", right, left, "90,296 118,352 148,316 200,330 200,414 120,398 90,340", headW),
		[]Region{region("mouth", middle, pts("148,306 176,298 224,298 252,306 254,344 230,368 170,368 146,344"))},
		[]Region{region("neck_front", middle, pts("120,398 200,414 280,398 400,500 0,500"))},
	)...)
	l.Lines = "M118,172 Q144,158 176,172 M282,172 Q256,158 224,172 " +
		"M118,198 Q146,180 174,200 Q146,214 118,198Z M282,198 Q254,180 226,200 Q254,214 282,198Z M146,190 a8,8 0 1 0 0.1,0 M254,190 a8,8 0 1 0 0.1,0 " +
		"M190,206 L184,262 Q186,280 200,280 Q214,280 216,262 L210,206 M160,332 Q180,322 200,326 Q220,322 240,332 Q200,356 160,332Z M160,332 Q200,338 240,332 M184,388 Q200,394 216,388 M76,182 Q82,210 84,236 M324,182 Q318,210 316,236"
	v.Layers = []Layer{l}
	return v
}

func headBack() View {
	v := View{ID: "head_back", Group: "head", Width: headW, Height: headH, OnLeft: left, OnRight: right}
	l := layer(whole(pts(headHalf), headW), slices.Concat(
		pair("scalp", left, right, "40,0 200,0 200,340 130,330 94,262 88,160 40,150", headW),
		pair("ear", left, right, "50,150 88,160 94,262 50,262", headW),
		[]Region{region("neck_back", middle, pts("60,250 94,262 130,330 200,340 270,330 306,262 340,250 400,500 0,500"))},
	)...)
	l.Lines = "M132,318 Q166,336 200,330 Q234,336 268,318 M176,380 V440 M224,380 V440 M80,178 Q90,210 86,244 M320,178 Q310,210 314,244"
	v.Layers = []Layer{l}
	return v
}

// The head from the left: it looks to the left of the picture.
func headSide() View {
	v := View{ID: "head_left", Group: "head", Width: headW, Height: headH}
	l := layer(pts(`214,26 164,32 120,56 96,96 88,140 86,162 92,178 78,212 60,242 62,256 84,264 80,282 72,296 80,306 74,318 84,334 80,356 94,380 132,390 172,386 184,410 182,450 170,500 330,500 316,452 312,400 326,350 346,296 356,230 350,160 324,90 276,44`),
		region("scalp", left, pts("60,0 400,0 400,300 320,356 286,330 274,240 244,186 230,120 120,86 60,80")),
		region("forehead", left, pts("60,80 120,86 230,120 236,150 60,164")),
		region("face", left, pts("60,160 236,150 244,186 240,260 216,330 160,320 130,290 60,270")),
		region("eye", left, pts("80,164 144,158 150,208 84,212")),
		region("nose", left, pts("40,186 92,180 114,262 84,276 40,276")),
		region("mouth", left, pts("50,274 84,276 130,290 160,320 132,336 86,344 50,340")),
		region("jaw", left, pts("60,338 86,344 132,336 160,320 216,330 226,372 172,396 60,400")),
		region("neck_front", left, pts("120,384 172,394 226,372 236,400 228,500 120,500")),
		region("neck_back", left, pts("226,372 216,330 240,260 244,186 274,240 286,330 320,356 400,300 400,500 228,500 236,400")),
		region("ear", left, oval(258, 224, 32, 46)),
	)
	l.Lines = "M100,158 Q122,146 144,156 M104,184 Q122,170 142,186 Q122,196 104,186 M78,250 Q88,242 94,252 M76,307 Q96,304 116,310 " +
		"M246,252 Q238,196 262,188 Q286,188 282,222 Q276,248 258,262 Q250,266 246,252 M254,210 Q270,200 270,222 Q264,238 256,244 M216,330 Q196,366 172,386"
	v.Layers = []Layer{l}
	return v
}

// The right hand from the back and the left palm: in both the thumb is on the left of the picture.
func hand() (dorsal, palmar View) {
	const w, h = 270, 440
	outline := pts(`98,436 97,388 84,356 60,326 38,284 22,248 24,230 38,228 58,250 84,276 92,258
		90,205 85,130 88,100 99,88 111,98 116,134 120,186 125,188 126,176 127,108 130,72 142,58 155,70 157,112 157,178
		161,182 167,116 171,88 183,76 194,88 194,124 190,184 194,190 208,144 216,122 227,114 237,124 235,154 226,212 221,252
		215,302 206,350 201,388 203,436`)
	parts := func(inner, side string) []Region {
		return []Region{
			region("fingers", side, pts("0,0 270,0 270,206 225,206 190,190 158,184 124,190 88,208 92,262 72,318 58,334 0,340")),
			region(inner, side, pts("88,208 124,190 158,184 190,190 225,206 270,206 270,386 60,386 58,334 72,318 92,262")),
			region("wrist", side, pts("0,386 270,386 270,440 0,440")),
		}
	}
	d := layer(outline, append(parts("hand_back", right),
		region("fingernails", right, oval(100, 101, 8, 11)), region("fingernails", right, oval(143, 72, 9, 12)), region("fingernails", right, oval(183, 90, 8, 11)),
		region("fingernails", right, oval(227, 126, 7, 10)), region("fingernails", right, oval(31, 240, 8, 9)))...)
	d.Lines = "M92,140 h20 M132,128 h20 M171,138 h20 M212,160 l18,4 M104,212 Q110,206 116,211 M138,204 Q144,198 152,203 M172,208 Q178,202 186,207"
	dorsal = View{ID: "hand_r_dorsal", Group: "hands", Width: w, Height: h, Layers: []Layer{d}}
	p := layer(outline, parts("palm", left)...)
	p.Lines = "M92,140 h22 M130,128 h24 M170,138 h22 M211,160 l20,4 M94,178 h24 M130,172 h24 M168,176 h22 M92,262 Q130,268 140,330 Q142,360 132,384 M96,256 Q150,246 200,286 M106,232 Q150,240 216,226"
	palmar = View{ID: "hand_l_palmar", Group: "hands", Width: w, Height: h, Layers: []Layer{p}}
	return dorsal, palmar
}

// The right foot from above and the left sole: in both the big toe is on the left of the picture.
func foot() (top, sole View) {
	const w, h = 250, 440
	outline := pts(`128,428 100,420 82,394 79,350 86,296 80,244 62,186 50,136 46,98 49,62 63,40 81,38 93,54 98,84
		102,64 110,48 122,50 128,66 129,90 134,74 142,62 152,66 156,82 155,104 160,90 169,82 178,88 180,104 177,124
		183,114 192,110 200,118 201,136 197,158 200,204 194,262 186,322 184,376 168,414`)
	d := layer(outline,
		region("toes", right, pts("0,0 250,0 250,160 204,160 180,132 156,112 130,100 98,98 40,104")),
		region("foot_top", right, pts("40,104 98,98 130,100 156,112 180,132 204,160 250,160 250,340 0,340 0,110")),
		region("ankle", right, pts("0,340 250,340 250,440 0,440")),
		region("toenails", right, oval(70, 58, 13, 14)), region("toenails", right, oval(117, 62, 8, 8)), region("toenails", right, oval(147, 77, 7, 8)),
		region("toenails", right, oval(171, 96, 7, 7)), region("toenails", right, oval(193, 123, 6, 7)))
	d.Lines = "M92,150 L104,250 M122,148 L122,250 M150,158 L140,252 M176,176 L158,260"
	top = View{ID: "foot_r_dorsal", Group: "feet", Width: w, Height: h, Layers: []Layer{d}}
	p := layer(outline,
		region("toes", left, pts("0,0 250,0 250,160 204,160 180,132 156,112 130,100 98,98 40,104")),
		region("sole", left, pts("40,104 98,98 130,100 156,112 180,132 204,160 250,160 250,440 0,440 0,110")))
	p.Lines = "M50,112 Q110,96 150,124 Q186,150 200,190 M96,340 Q130,322 176,340 M106,200 Q96,262 110,306"
	sole = View{ID: "foot_l_plantar", Group: "feet", Width: w, Height: h, Layers: []Layer{p}}
	return top, sole
}

// The perineum: a plan that is true of everybody.
func perineum() View {
	const w, h = 400, 400
	v := View{ID: "perineum", Group: "more", Width: w, Height: h, OnLeft: right, OnRight: left}
	l := layer(whole(pts("200,40 150,42 96,60 50,100 22,160 20,230 44,300 92,346 150,366 200,352"), w), slices.Concat(
		[]Region{region("pelvis", middle, pts("110,20 290,20 236,120 164,120"))},
		pair("groin", right, left, "60,20 110,20 164,120 150,200 130,260 112,150", w),
		pair("thigh", right, left, "0,0 60,20 112,150 130,260 60,300 0,330", w),
		pair("buttock", right, left, "0,330 60,300 130,260 150,200 172,250 200,330 200,400 0,400", w),
		[]Region{region("genitals", middle, pts("164,120 236,120 250,200 228,250 172,250 150,200")), region("anus_perineum", middle, pts("172,250 228,250 200,330"))},
	)...)
	l.Lines = "M200,330 V352 M200,268 a9,9 0 1 0 0.1,0"
	v.Layers = []Layer{l}
	return v
}

// The teeth as one looks into the mouth: the upper row above, the person's right on the left of the picture.
func teeth() View {
	const w, h = 400, 440
	v := View{ID: "teeth", Group: "head", Width: w, Height: h, OnLeft: right, OnRight: left}
	// How broad they are, from the middle to the last molar.
	broad := []float64{26, 22, 24, 22, 22, 30, 30, 28}
	var l Layer
	for _, row := range []struct{ cy, down float64 }{{210, -1}, {230, 1}} {
		a := math.Pi / 2
		for _, size := range broad {
			const across, deep = 150.0, 178.0
			speed := func() float64 { return math.Hypot(across*math.Sin(a), deep*math.Cos(a)) }
			a -= size / 2 / speed()
			tooth := oval(200+across*math.Cos(a), row.cy+row.down*deep*math.Sin(a), size/2-1, size/2+1)
			for _, t := range [][]Point{tooth, mirrored(tooth, w)} {
				l.Outline += polygon(t)
				l.edge = append(l.edge, t)
			}
			a -= size / 2 / speed()
		}
	}
	l.Regions = pair("teeth", right, left, "0,0 200,0 200,440 0,440", w)
	v.Layers = []Layer{l}
	return v
}
