// SPDX-License-Identifier: GPL-2.0
/* A clock: hidden oscillator, adjustments, history. */
#include <linux/math64.h>
#include "rig.h"

u64 rig_random(u64 *state)
{
	u64 x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 2685821657736338717ULL;
}

s64 rig_gauss(u64 *state)
{
	s64 sum = 0;
	int i;

	for (i = 0; i < 12; i++)
		sum += rig_random(state) >> 48;
	return sum - 6 * 65536;
}

bool rig_chance(u64 *state, u32 ppm)
{
	return ppm && (u32)(rig_random(state) >> 32) % 1000000 < ppm;
}

s64 rig_rate_of_ppb(s64 ppb)
{
	return div_s64(ppb * 281474976710LL, 1000000);
}

s64 rig_ppb_of_rate(s64 rate)
{
	return div_s64(rate, 281475);
}

static rig_fine segment_at(const struct rig_segment *s, u64 raw)
{
	s64 dt = raw - s->raw;

	return s->phase + ((rig_fine)dt << 32) + (((rig_fine)dt * s->rate) >> 16);
}

static void segment_new(struct rig_clock *c, u64 raw, rig_fine phase)
{
	struct rig_segment *s;

	c->head = (c->head + 1) % RIG_SEGMENTS;
	if (c->count < RIG_SEGMENTS)
		c->count++;
	s = &c->history[c->head];
	s->raw = raw;
	s->phase = phase;
	s->rate = c->oscillator + c->adjustment +
		(s64)(((rig_fine)c->oscillator * c->adjustment) >> 48);
}

void rig_clock_start(struct rig_clock *c, u64 raw, s64 ns, u64 seed)
{
	int i;

	memset(c, 0, sizeof(*c));
	c->random = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	for (i = 0; i < 8; i++)
		rig_random(&c->random);
	c->grid = raw + RIG_GRID_NS;
	segment_new(c, raw, (rig_fine)ns << 32);
}

/* The oscillator wanders on a fixed grid, whoever looks. */
void rig_clock_advance(struct rig_clock *c, u64 raw)
{
	while (c->grid <= raw) {
		if (c->wander) {
			rig_fine phase = segment_at(&c->history[c->head], c->grid);
			s64 g = rig_gauss(&c->random);

			/* 1e-15 * 2^48 * sqrt(0.125 s) = 6522 / 2^16 */
			c->oscillator += (s64)(((rig_fine)c->wander * g * 6522) >> 32);
			segment_new(c, c->grid, phase);
		}
		c->grid += RIG_GRID_NS;
	}
}

rig_fine rig_clock_at(struct rig_clock *c, u64 raw)
{
	unsigned int i = c->head, n = c->count;

	while (n > 1 && (s64)(raw - c->history[i].raw) < 0) {
		i = (i + RIG_SEGMENTS - 1) % RIG_SEGMENTS;
		n--;
	}
	return segment_at(&c->history[i], raw);
}

s64 rig_clock_ns(struct rig_clock *c, u64 raw)
{
	return (s64)((rig_clock_at(c, raw) + (1LL << 31)) >> 32);
}

/* When the clock shows, or showed, this, as its rate is now. */
u64 rig_clock_when(struct rig_clock *c, s64 ns)
{
	struct rig_segment *s = &c->history[c->head];
	rig_fine d = ((rig_fine)ns << 32) - s->phase;
	s64 dns = (s64)(d >> 32);
	rig_fine back = ((rig_fine)dns * s->rate) >> 16;

	back -= (back * s->rate) >> 48;
	return s->raw + (s64)((d - back + (1LL << 31)) >> 32);
}

void rig_clock_shift(struct rig_clock *c, u64 raw, s64 ns)
{
	rig_clock_advance(c, raw);
	segment_new(c, raw, rig_clock_at(c, raw) + ((rig_fine)ns << 32));
}

void rig_clock_set(struct rig_clock *c, u64 raw, s64 ns)
{
	rig_clock_advance(c, raw);
	segment_new(c, raw, (rig_fine)ns << 32);
}

void rig_clock_adjust(struct rig_clock *c, u64 raw, s64 rate)
{
	rig_fine phase;

	rig_clock_advance(c, raw);
	phase = rig_clock_at(c, raw);
	c->adjustment = rate;
	segment_new(c, raw, phase);
}

void rig_clock_drift(struct rig_clock *c, u64 raw, s64 rate)
{
	rig_fine phase;

	rig_clock_advance(c, raw);
	phase = rig_clock_at(c, raw);
	c->oscillator = rate;
	segment_new(c, raw, phase);
}

/* Clock minus TAI, ps. */
s64 rig_error_ps(struct rig_clock *c, u64 raw)
{
	rig_clock_advance(c, raw);
	rig_clock_advance(&rig_truth, raw);
	return (s64)(((rig_clock_at(c, raw) - rig_clock_at(&rig_truth, raw)) * 1000) >> 32);
}
