// SPDX-License-Identifier: GPL-2.0
/* A GNSS receiver's pulse: at true seconds, give or take what is asked for. */
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/pps_kernel.h>
#include <linux/timekeeping.h>
#include "rig.h"

static struct {
	struct hrtimer timer;
	struct pps_device *pps;
	s64 next;		/* TAI, ns */
	bool on;
	u32 jitter_ns;
	u32 sawtooth_ns;	/* period of the receiver's own clock */
	s64 offset_ns;		/* false by so much */
	s64 pull_ps;		/* and by so much more each second */
	s64 pulled_ps;
	s64 second_error;	/* the sentences are wrong; for whoever sends them */
	u32 pulses;
	u64 random;
} gnss;

static enum hrtimer_restart gnss_tick(struct hrtimer *timer)
{
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
	at = rig_clock_when(&rig_truth, gnss.next + off);
	/* The farthest jitter is over when the pulse is delivered. */
	due = (s64)(raw - at) >= 2000;
	on = gnss.on;
	if (due) {
		if (gnss.jitter_ns)
			at += (gnss.jitter_ns * rig_gauss(&gnss.random)) >> 16;
		if (gnss.sawtooth_ns)
			at += rig_random(&gnss.random) % gnss.sawtooth_ns - gnss.sawtooth_ns / 2;
		gnss.pulled_ps += gnss.pull_ps;
		gnss.next += NSEC_PER_SEC;
		if (on)
			gnss.pulses++;
	}
	wait = rig_clock_when(&rig_truth, gnss.next + off) - raw;
	spin_unlock_irqrestore(&rig_lock, flags);

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
	gnss.next = (div_s64(rig_clock_ns(&rig_truth, raw), NSEC_PER_SEC) + 1) * NSEC_PER_SEC;
	gnss.pps = pps_register_source(&source, PPS_CAPTUREASSERT | PPS_OFFSETASSERT);
	if (IS_ERR(gnss.pps))
		return PTR_ERR(gnss.pps);
	debugfs_create_bool("on", 0644, d, &gnss.on);
	debugfs_create_u32("jitter", 0644, d, &gnss.jitter_ns);
	debugfs_create_u32("sawtooth", 0644, d, &gnss.sawtooth_ns);
	debugfs_create_u32("pulses", 0444, d, &gnss.pulses);
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
