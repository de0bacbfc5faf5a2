// SPDX-License-Identifier: GPL-2.0
/* The true errors of all clocks, over time. */
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include "rig.h"

#define SAMPLES 65536

struct sample {
	u64 raw;
	s64 error_ps[RIG_MAX_PHCS + 1];
#if RIG_AUX
	s64 aux_ps[RIG_AUX];
	u8 aux_on;
#endif
};

static struct sample *samples;
static u32 count;
static u32 sample_ms = 1000;
static u64 began;
static struct hrtimer timer;

/* CLOCK_REALTIME minus UTC, ps. */
s64 rig_system_error_ps(u64 *raw)
{
	ktime_t real;

	rig_snapshot(&real, raw);
	rig_clock_advance(&rig_truth, *raw);
	return (s64)(((((rig_fine)(ktime_to_ns(real) + rig_utc_offset * NSEC_PER_SEC)) << 32) -
		      rig_clock_at(&rig_truth, *raw)) * 1000 >> 32);
}

#if RIG_AUX
/*
 * CLOCK_AUXn minus TAI, ps; under rig_lock. Its snapshot has a raw clock of
 * its own, but the counter is everybody's: CLOCK_MONOTONIC_RAW at that count
 * lies on a line between two snapshots.
 */
bool rig_aux_error_ps(int index, s64 *error)
{
	struct system_time_snapshot before, aux, after;
	u64 raw;

	ktime_get_snapshot_id(CLOCK_MONOTONIC_RAW, &before);
	ktime_get_snapshot_id(CLOCK_AUX + index, &aux);
	ktime_get_snapshot_id(CLOCK_MONOTONIC_RAW, &after);
	if (!aux.valid)
		return false;
	raw = ktime_to_ns(before.monoraw) +
		div64_u64((u64)ktime_to_ns(after.monoraw - before.monoraw) *
			  (aux.cycles - before.cycles) +
			  (after.cycles - before.cycles) / 2, after.cycles - before.cycles);
	rig_clock_advance(&rig_truth, raw);
	*error = (s64)(((((rig_fine)ktime_to_ns(aux.systime)) << 32) -
			rig_clock_at(&rig_truth, raw)) * 1000 >> 32);
	return true;
}
#endif

static enum hrtimer_restart tick(struct hrtimer *t)
{
	unsigned long flags;
	struct sample *s;
	int i;

	if (count < SAMPLES) {
		s = &samples[count];
		spin_lock_irqsave(&rig_lock, flags);
		s->error_ps[rig_phc_count] = rig_system_error_ps(&s->raw);
		for (i = 0; i < rig_phc_count; i++)
			s->error_ps[i] = rig_error_ps(&rig_phcs[i].clock, s->raw);
#if RIG_AUX
		s->aux_on = 0;
		for (i = 0; i < RIG_AUX; i++)
			if (rig_aux_error_ps(i, &s->aux_ps[i]))
				s->aux_on |= BIT(i);
#endif
		count++;
		spin_unlock_irqrestore(&rig_lock, flags);
	}
	hrtimer_forward_now(t, ms_to_ktime(max(sample_ms, 1U)));
	return HRTIMER_RESTART;
}

static void show_ns(struct seq_file *f, s64 e)
{
	u32 ps;
	u64 whole = div_u64_rem(e < 0 ? -e : e, 1000, &ps);

	seq_printf(f, " %s%llu.%03u", e < 0 ? "-" : "", whole, ps);
}

/*
 * One line: time in s since loading, the PHCs' errors in ns, the system
 * clock's, those of auxiliary clocks ("off": not enabled).
 */
static int series_show(struct seq_file *f, void *unused)
{
	u32 k, n = READ_ONCE(count);
	int i;

	for (k = 0; k < n; k++) {
		struct sample *s = &samples[k];
		u32 ns;
		u64 sec = div_u64_rem(s->raw - began, NSEC_PER_SEC, &ns);

		seq_printf(f, "%llu.%06u", sec, ns / 1000);
		for (i = 0; i <= rig_phc_count; i++)
			show_ns(f, s->error_ps[i]);
#if RIG_AUX
		for (i = 0; i < RIG_AUX; i++) {
			if (s->aux_on & BIT(i))
				show_ns(f, s->aux_ps[i]);
			else
				seq_puts(f, " off");
		}
#endif
		seq_putc(f, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(series);

static int restart(void *data, u64 val)
{
	unsigned long flags;

	spin_lock_irqsave(&rig_lock, flags);
	count = 0;
	spin_unlock_irqrestore(&rig_lock, flags);
	sample_ms = val;
	hrtimer_cancel(&timer);
	if (val)
		hrtimer_start(&timer, ms_to_ktime(1), HRTIMER_MODE_REL);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(restart_fops, NULL, restart, "%llu\n");

int rig_series_start(struct dentry *root)
{
	samples = vmalloc(array_size(SAMPLES, sizeof(*samples)));
	if (!samples)
		return -ENOMEM;
	began = ktime_get_raw_ns();
	hrtimer_setup(&timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	debugfs_create_file("series", 0444, root, NULL, &series_fops);
	debugfs_create_file_unsafe("sample_ms", 0200, root, NULL, &restart_fops);
	return 0;
}

void rig_series_stop(void)
{
	hrtimer_cancel(&timer);
	vfree(samples);
}
