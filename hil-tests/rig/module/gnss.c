// SPDX-License-Identifier: GPL-2.0
/* A GNSS receiver's pulse: at true seconds, or parts of them, give or take what is asked for. */
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/pps_kernel.h>
#include <linux/timekeeping.h>
#include "rig.h"

static struct {
	struct hrtimer timer;
	struct pps_device *pps;
	s64 next;		/* TAI, ns: a full second, */
	u32 nth;		/* and which pulse of it is due */
	bool on;
	u32 rate;		/* pulses a second */
	u32 width_ns;		/* inputs stamp the other edge, too; 0: they do not */
	u32 lost_ppm;		/* pulses that do not come */
	u32 twice_ppm;		/* that come twice, a sixteenth of the period apart */
	u32 stray_ppm;		/* that have an edge of noise after them, anywhere in the period */
	s64 other;		/* the other edge, or one too many, is due then, raw; 0: none */
	u32 lost, twice, strays;
	u32 jitter_ns;
	u32 sawtooth_ns;	/* period of the receiver's own clock */
	s64 offset_ns;		/* false by so much */
	s64 pull_ps;		/* and by so much more each second */
	s64 pulled_ps;
	s64 second_error;	/* the sentences are wrong; for whoever sends them */
	u32 sentence_jitter_ns;	/* and later by up to this; likewise */
	u32 pulses;
	u64 random;
} gnss;

/* Of the pulse that is due. */
static s64 due_at(void)
{
	return gnss.next + div_u64((u64)gnss.nth * NSEC_PER_SEC + gnss.rate / 2, gnss.rate);
}

/* Under rig_lock: the next pulse, and what comes between. */
static bool go_on(u64 at, bool on)
{
	u32 period = NSEC_PER_SEC / gnss.rate;

	gnss.nth++;
	if (gnss.nth >= gnss.rate) {
		gnss.nth = 0;
		gnss.pulled_ps += gnss.pull_ps;
		gnss.next += NSEC_PER_SEC;
	}
	if (!on)
		return false;
	if (rig_chance(&gnss.random, gnss.lost_ppm)) {
		gnss.lost++;
		return false;
	}
	gnss.pulses++;
	if (gnss.width_ns) {
		gnss.other = at + gnss.width_ns;
	} else if (rig_chance(&gnss.random, gnss.twice_ppm)) {
		gnss.other = at + period / 16;
		gnss.twice++;
	} else if (rig_chance(&gnss.random, gnss.stray_ppm)) {
		gnss.other = at + period / 20 + rig_random(&gnss.random) % (period / 10 * 9);
		gnss.strays++;
	}
	return true;
}

static enum hrtimer_restart gnss_tick(struct hrtimer *timer)
{
	u64 other = 0;
	struct pps_event_time ts;
	unsigned long flags;
	bool due, on;
	ktime_t real;
	u64 raw, at;
	s64 wait, off;

	spin_lock_irqsave(&rig_lock, flags);
	rig_snapshot(&real, &raw);
	rig_clock_advance(&rig_truth, raw);
	off = gnss.offset_ns + div_s64(gnss.pulled_ps, 1000);
	at = rig_clock_when(&rig_truth, due_at() + off);
	if (gnss.other && (s64)(raw - gnss.other) >= 0) {
		other = gnss.other;
		gnss.other = 0;
	}
	/* The farthest jitter is over when the pulse is delivered. */
	due = (s64)(raw - at) >= 2000;
	on = gnss.on;
	if (due) {
		if (gnss.jitter_ns)
			at += (gnss.jitter_ns * rig_gauss(&gnss.random)) >> 16;
		if (gnss.sawtooth_ns)
			at += rig_random(&gnss.random) % gnss.sawtooth_ns - gnss.sawtooth_ns / 2;
		on = go_on(at, on);
	}
	wait = rig_clock_when(&rig_truth, due_at() + off) - raw;
	if (gnss.other)
		wait = min_t(s64, wait, gnss.other - raw);
	spin_unlock_irqrestore(&rig_lock, flags);

	if (other)
		rig_pulse(RIG_WIRE_GNSS, other);
	if (due && on) {
		rig_pulse(RIG_WIRE_GNSS, at);
		ts.ts_real = ktime_to_timespec64(ktime_sub_ns(real, raw - at));
#ifdef CONFIG_NTP_PPS
		ts.ts_raw = ktime_to_timespec64(ns_to_ktime(at));
#endif
		pps_event(gnss.pps, &ts, PPS_CAPTUREASSERT, NULL);
	}
	hrtimer_forward_now(timer, ns_to_ktime(clamp_t(s64, wait + 2500, 1000, 500000000)));
	return HRTIMER_RESTART;
}

static struct pps_source_info source = {
	.name = "ptprig-gnss",
	.mode = PPS_CAPTUREASSERT | PPS_OFFSETASSERT | PPS_CANWAIT | PPS_TSFMT_TSPEC,
	.owner = THIS_MODULE,
};

static int rate_get(void *data, u64 *val)
{
	*val = gnss.rate;
	return 0;
}

static int rate_set(void *data, u64 val)
{
	unsigned long flags;
	u64 raw = ktime_get_raw_ns();

	if (!val || val > 1000)
		return -ERANGE;
	spin_lock_irqsave(&rig_lock, flags);
	gnss.rate = val;
	gnss.nth = 0;
	gnss.next = (div_s64(rig_clock_ns(&rig_truth, raw), NSEC_PER_SEC) + 1) * NSEC_PER_SEC;
	spin_unlock_irqrestore(&rig_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(rate_fops, rate_get, rate_set, "%llu\n");

static int s64_get(void *data, u64 *val)
{
	*val = *(s64 *)data;
	return 0;
}

static int s64_set(void *data, u64 val)
{
	*(s64 *)data = val;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(s64_fops, s64_get, s64_set, "%lld\n");

int rig_gnss_start(struct dentry *root)
{
	struct dentry *d = debugfs_create_dir("gnss", root);
	u64 raw = ktime_get_raw_ns();

	gnss.random = 0x5851f42d4c957f2dULL;
	gnss.on = true;
	gnss.rate = 1;
	gnss.next = (div_s64(rig_clock_ns(&rig_truth, raw), NSEC_PER_SEC) + 1) * NSEC_PER_SEC;
	gnss.pps = pps_register_source(&source, PPS_CAPTUREASSERT | PPS_OFFSETASSERT);
	if (IS_ERR(gnss.pps))
		return PTR_ERR(gnss.pps);
	debugfs_create_bool("on", 0644, d, &gnss.on);
	debugfs_create_u32("jitter", 0644, d, &gnss.jitter_ns);
	debugfs_create_u32("sawtooth", 0644, d, &gnss.sawtooth_ns);
	debugfs_create_file_unsafe("rate", 0644, d, NULL, &rate_fops);
	debugfs_create_u32("width", 0644, d, &gnss.width_ns);
	debugfs_create_u32("lost_ppm", 0644, d, &gnss.lost_ppm);
	debugfs_create_u32("twice_ppm", 0644, d, &gnss.twice_ppm);
	debugfs_create_u32("stray_ppm", 0644, d, &gnss.stray_ppm);
	debugfs_create_u32("sentence_jitter", 0644, d, &gnss.sentence_jitter_ns);
	debugfs_create_u32("pulses", 0444, d, &gnss.pulses);
	debugfs_create_u32("lost", 0444, d, &gnss.lost);
	debugfs_create_u32("twice", 0444, d, &gnss.twice);
	debugfs_create_u32("strays", 0444, d, &gnss.strays);
	debugfs_create_file_unsafe("offset", 0644, d, &gnss.offset_ns, &s64_fops);
	debugfs_create_file_unsafe("pull", 0644, d, &gnss.pull_ps, &s64_fops);
	debugfs_create_file_unsafe("second_error", 0644, d, &gnss.second_error, &s64_fops);
	hrtimer_setup(&gnss.timer, gnss_tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	hrtimer_start(&gnss.timer, ns_to_ktime(1000000), HRTIMER_MODE_REL);
	return 0;
}

void rig_gnss_stop(void)
{
	hrtimer_cancel(&gnss.timer);
	pps_unregister_source(gnss.pps);
}
