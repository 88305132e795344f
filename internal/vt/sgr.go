package vt

// sgr is Select Graphic Rendition: ECMA-48 8.3.117, with colours after ISO
// 8613-6 in both spellings, "38;2;R;G;B" and "38:2:I:R:G:B".
func (st *Style) sgr(list []param) {
	if len(list) == 0 {
		*st = Style{}
	}
	for i := 0; i < len(list); {
		end := i + 1
		for end < len(list) && list[end].sub {
			end++
		}
		n, subs := list[i].value, list[i+1:end]
		switch {
		case n == 38 || n == 48 || n == 58:
			var c Color
			var ok bool
			if len(subs) > 0 {
				c, ok = colonColor(subs)
			} else {
				var used int
				c, used, ok = semicolonColor(list[end:])
				end += used
			}
			st.setColor(n, c, ok)
		case n == 4 && len(subs) > 0:
			if u := subs[0].value; u >= 0 && u <= int32(DashedUnderline) {
				st.Underline = Underline(u)
			}
		case len(subs) == 0:
			st.set(max(n, 0))
		}
		i = end
	}
}

// setColor is for 38 and 48; 58, the underline's own colour, is not kept.
func (st *Style) setColor(n int32, c Color, ok bool) {
	switch {
	case ok && n == 38:
		st.Fg = c
	case ok && n == 48:
		st.Bg = c
	}
}

// set applies one parameter without arguments.
func (st *Style) set(n int32) {
	switch {
	case n >= 30 && n <= 37:
		st.Fg = Indexed(uint8(n - 30))
	case n >= 40 && n <= 47:
		st.Bg = Indexed(uint8(n - 40))
	case n >= 90 && n <= 97:
		st.Fg = Indexed(uint8(n - 90 + 8))
	case n >= 100 && n <= 107:
		st.Bg = Indexed(uint8(n - 100 + 8))
	}
	switch n {
	case 0:
		*st = Style{}
	case 1:
		st.Attr |= Bold
	case 2:
		st.Attr |= Faint
	case 3:
		st.Attr |= Italic
	case 4:
		st.Underline = SingleUnderline
	case 5, 6:
		st.Attr |= Blink
	case 7:
		st.Attr |= Reverse
	case 8:
		st.Attr |= Conceal
	case 9:
		st.Attr |= Strike
	case 21:
		st.Underline = DoubleUnderline
	case 22:
		st.Attr &^= Bold | Faint
	case 23:
		st.Attr &^= Italic
	case 24:
		st.Underline = NoUnderline
	case 25:
		st.Attr &^= Blink
	case 27:
		st.Attr &^= Reverse
	case 28:
		st.Attr &^= Conceal
	case 29:
		st.Attr &^= Strike
	case 39:
		st.Fg = 0
	case 49:
		st.Bg = 0
	case 53:
		st.Attr |= Overline
	case 55:
		st.Attr &^= Overline
	}
}

// semicolonColor reads the colour after 38, 48 or 58, and says how many
// parameters it took, so that a bad one does not become attributes.
func semicolonColor(list []param) (c Color, used int, ok bool) {
	if len(list) == 0 {
		return 0, 0, false
	}
	switch list[0].value {
	case 5:
		if len(list) < 2 {
			return 0, 1, false
		}
		c, ok = indexed(list[1])
		return c, 2, ok
	case 2:
		if len(list) < 4 {
			return 0, len(list), false
		}
		c, ok = rgb(list[1:4])
		return c, 4, ok
	}
	return 0, 1, false
}

// colonColor reads "5:N", "2:R:G:B" and "2:I:R:G:B", I being a colour space
// that nobody uses.
func colonColor(subs []param) (c Color, ok bool) {
	switch {
	case subs[0].value == 5 && len(subs) >= 2:
		return indexed(subs[1])
	case subs[0].value == 2 && len(subs) == 4:
		return rgb(subs[1:4])
	case subs[0].value == 2 && len(subs) >= 5:
		return rgb(subs[2:5])
	}
	return 0, false
}

func indexed(p param) (Color, bool) {
	v := max(p.value, 0)
	return Indexed(uint8(v)), v <= 255
}

func rgb(p []param) (Color, bool) {
	var v [3]uint8
	for i := range v {
		n := max(p[i].value, 0)
		if n > 255 {
			return 0, false
		}
		v[i] = uint8(n)
	}
	return RGB(v[0], v[1], v[2]), true
}
