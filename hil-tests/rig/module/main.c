// SPDX-License-Identifier: GPL-2.0
/* Set-up, and what debugfs shows: /sys/kernel/debug/ptprig. */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "rig.h"

DEFINE_SPINLOCK(rig_lock);
struct rig_clock rig_truth;
struct rig_port rig_ports[RIG_MAX_PORTS];
struct rig_phc rig_phcs[RIG_MAX_PHCS];
int rig_port_count;
int rig_phc_count;

static unsigned int pairs = 1;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "cables, each with two devices");
static int phc[RIG_MAX_PORTS] = { [0 ... RIG_MAX_PORTS - 1] = -1 };
static int phc_given;
module_param_array(phc, int, &phc_given, 0444);
MODULE_PARM_DESC(phc, "clock of each device, ascending from 0; default: one each");
static unsigned long seed = 1;
module_param(seed, ulong, 0444);
unsigned int rig_utc_offset = 37;
/* A scenario with a leap second changes it after that. */
module_param_named(utc_offset, rig_utc_offset, uint, 0644);

static struct dentry *root;

static int error_get(void *data, u64 *val)
{
	struct rig_phc *p = data;
	unsigned long flags;

	spin_lock_irqsave(&rig_lock, flags);
	*val = rig_error_ps(&p->clock, ktime_get_raw_ns());
	spin_unlock_irqrestore(&rig_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(error_fops, error_get, NULL, "%lld\n");

static int drift_get(void *data, u64 *val)
{
	*val = rig_ppb_of_rate(((struct rig_clock *)data)->oscillator);
	return 0;
}

static int drift_set(void *data, u64 val)
{
	unsigned long flags;

	spin_lock_irqsave(&rig_lock, flags);
	rig_clock_drift(data, ktime_get_raw_ns(), rig_rate_of_ppb(val));
	spin_unlock_irqrestore(&rig_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(drift_fops, drift_get, drift_set, "%lld\n");

static int step_set(void *data, u64 val)
{
	unsigned long flags;

	spin_lock_irqsave(&rig_lock, flags);
	rig_clock_shift(data, ktime_get_raw_ns(), val);
	spin_unlock_irqrestore(&rig_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(step_fops, NULL, step_set, "%lld\n");

static int wire_get(void *data, u64 *val)
{
	*val = *(s64 *)data;
	return 0;
}

static int wire_set(void *data, u64 val)
{
	*(s64 *)data = val;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(wire_fops, wire_get, wire_set, "%lld\n");

static int link_get(void *data, u64 *val)
{
	*val = ((struct rig_port *)data)->link;
	return 0;
}

static int link_set(void *data, u64 val)
{
	struct rig_port *p = data;

	rtnl_lock();
	p->link = val;
	rig_port_carrier(p);
	rtnl_unlock();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(link_fops, link_get, link_set, "%llu\n");

static int present_get(void *data, u64 *val)
{
	*val = ((struct rig_port *)data)->dev != NULL;
	return 0;
}

static DEFINE_MUTEX(present_lock);

static int present_set(void *data, u64 val)
{
	struct rig_port *p = data;
	int err = 0;

	mutex_lock(&present_lock);
	if (val && !p->dev)
		err = rig_port_add(p);
	else if (!val)
		rig_port_remove(p);
	mutex_unlock(&present_lock);
	return err;
}
DEFINE_DEBUGFS_ATTRIBUTE(present_fops, present_get, present_set, "%llu\n");

static int truth_get(void *data, u64 *val)
{
	unsigned long flags;
	u64 raw;

	spin_lock_irqsave(&rig_lock, flags);
	raw = ktime_get_raw_ns();
	rig_clock_advance(&rig_truth, raw);
	*val = rig_clock_ns(&rig_truth, raw);
	spin_unlock_irqrestore(&rig_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(truth_fops, truth_get, NULL, "%lld\n");

static int system_get(void *data, u64 *val)
{
	unsigned long flags;
	u64 raw;

	spin_lock_irqsave(&rig_lock, flags);
	*val = rig_system_error_ps(&raw);
	spin_unlock_irqrestore(&rig_lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(system_fops, system_get, NULL, "%lld\n");

#if RIG_AUX
static int aux_get(void *data, u64 *val)
{
	unsigned long flags;
	s64 error = 0;
	bool on;

	spin_lock_irqsave(&rig_lock, flags);
	on = rig_aux_error_ps((long)data, &error);
	spin_unlock_irqrestore(&rig_lock, flags);
	*val = error;
	return on ? 0 : -ENODEV;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(aux_fops, aux_get, NULL, "%lld\n");
#endif

static void aux_files(void)
{
#if RIG_AUX
	char name[32];
	long i;

	for (i = 0; i < RIG_AUX; i++) {
		snprintf(name, sizeof(name), "aux%ld_error_ps", i);
		debugfs_create_file_unsafe(name, 0444, root, (void *)i, &aux_fops);
	}
#endif
}

/* What is written here leaves the guest by QEMU's isa-debugcon. */
static ssize_t outbox_write(struct file *f, const char __user *from, size_t n, loff_t *at)
{
	u8 buffer[512];

	n = min(n, sizeof(buffer));
	if (copy_from_user(buffer, from, n))
		return -EFAULT;
	outsb(0xe9, buffer, n);
	return n;
}

static const struct file_operations outbox_fops = {
	.owner = THIS_MODULE,
	.write = outbox_write,
};

static void phc_files(struct rig_phc *p)
{
	char name[16];
	int i;

	snprintf(name, sizeof(name), "phc%d", p->index);
	p->dir = debugfs_create_dir(name, root);
	debugfs_create_file_unsafe("error_ps", 0444, p->dir, p, &error_fops);
	debugfs_create_file_unsafe("ppb", 0644, p->dir, &p->clock, &drift_fops);
	debugfs_create_file_unsafe("step", 0200, p->dir, &p->clock, &step_fops);
	debugfs_create_u64("wander", 0644, p->dir, &p->clock.wander);
	debugfs_create_u32("busy_ppm", 0644, p->dir, &p->busy_ppm);
	debugfs_create_u32("busy_count", 0644, p->dir, &p->busy_count);
	debugfs_create_u32("refused", 0444, p->dir, &p->refused);
	debugfs_create_u32("phases", 0444, p->dir, &p->phases);
	for (i = 0; i < RIG_EXTTS; i++) {
		snprintf(name, sizeof(name), "extts%d", i);
		debugfs_create_file_unsafe(name, 0644, p->dir, &p->wire[i], &wire_fops);
	}
}

static void port_files(struct rig_port *p)
{
	char name[16];

	snprintf(name, sizeof(name), "rig%d", p->index);
	p->dir = debugfs_create_dir(name, root);
	debugfs_create_u32("delay", 0644, p->dir, &p->delay_ns);
	debugfs_create_u32("jitter", 0644, p->dir, &p->jitter_ns);
	debugfs_create_u32("noise", 0644, p->dir, &p->noise_ns);
	debugfs_create_u32("quantum", 0644, p->dir, &p->quantum_ns);
	debugfs_create_u32("lost_ppm", 0644, p->dir, &p->lost_ppm);
	debugfs_create_u32("stamp_lost_ppm", 0644, p->dir, &p->stamp_lost_ppm);
	debugfs_create_u32("stamps_lost", 0444, p->dir, &p->stamps_lost);
	debugfs_create_u32("one_steps", 0444, p->dir, &p->one_steps);
	debugfs_create_u32("tx_type", 0444, p->dir, &p->tx_type);
	debugfs_create_u32("rx_filter", 0444, p->dir, &p->rx_filter);
	debugfs_create_file_unsafe("link", 0644, p->dir, p, &link_fops);
	debugfs_create_file_unsafe("present", 0644, p->dir, p, &present_fops);
}

static int __init rig_init(void)
{
	u64 raw = ktime_get_raw_ns();
	int i, err;

	if (!pairs || pairs * 2 > RIG_MAX_PORTS)
		return -EINVAL;
	rig_port_count = pairs * 2;
	rig_clock_start(&rig_truth, raw, ktime_get_real_ns() + rig_utc_offset * NSEC_PER_SEC, seed);
	for (i = 0; i < rig_port_count; i++) {
		if (phc[i] < 0)
			phc[i] = i;
		if (phc[i] >= RIG_MAX_PHCS)
			return -EINVAL;
		rig_phc_count = max(rig_phc_count, phc[i] + 1);
	}
	root = debugfs_create_dir("ptprig", NULL);
	for (i = 0; i < rig_phc_count; i++) {
		rig_phc_prepare(&rig_phcs[i], i, raw, seed * 100 + i);
		phc_files(&rig_phcs[i]);
	}
	err = rig_series_start(root);
	if (err)
		goto files;
	for (i = 0; i < rig_port_count; i++) {
		struct rig_port *p = &rig_ports[i];

		p->index = i;
		p->peer = &rig_ports[i ^ 1];
		p->phc = &rig_phcs[phc[i]];
		p->link = true;
		p->delay_ns = 1000;
		p->random = (seed * 1000 + i + 1) * 0x9e3779b97f4a7c15ULL;
		port_files(p);
	}
	for (i = 0; i < rig_port_count; i++) {
		err = rig_port_add(&rig_ports[i]);
		if (err)
			goto ports;
	}
	err = rig_gnss_start(root);
	if (err)
		goto ports;
	debugfs_create_file_unsafe("truth", 0444, root, NULL, &truth_fops);
	debugfs_create_file_unsafe("truth_ppb", 0644, root, &rig_truth, &drift_fops);
	debugfs_create_u64("truth_wander", 0644, root, &rig_truth.wander);
	debugfs_create_file_unsafe("system_error_ps", 0444, root, NULL, &system_fops);
	aux_files();
	debugfs_create_file("outbox", 0200, root, NULL, &outbox_fops);
	return 0;
ports:
	while (i--)
		rig_port_remove(&rig_ports[i]);
	rig_series_stop();
files:
	debugfs_remove_recursive(root);
	return err;
}

static void __exit rig_exit(void)
{
	int i;

	debugfs_remove_recursive(root);
	rig_gnss_stop();
	for (i = 0; i < rig_port_count; i++)
		rig_port_remove(&rig_ports[i]);
	rig_series_stop();
}

module_init(rig_init);
module_exit(rig_exit);
MODULE_DESCRIPTION("Virtual PTP hardware with known truth");
MODULE_LICENSE("GPL");
