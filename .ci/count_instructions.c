/* A plugin for qemu-user: how many instructions the guest runs between two calls of getsid.
 * .ci/count_instructions.py calls it around what is counted.
 *
 * Declared here is what is used of qemu-plugin.h (version 1), which Debian does not package. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
typedef void (*translated)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*called)(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t, uint64_t,
                       uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
enum { ADD_U64 = 0, GETSID = 156 /* on AArch64 */ };

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated callback);
extern void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t id, called callback);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation,
                                                     void *to, uint64_t value);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t total; /* of all threads; without a lock, so one thread must do the work */
static uint64_t at_first_mark;
static int marks;

static void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &total,
                                             qemu_plugin_tb_n_insns(block));
}

static void on_call(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t a, uint64_t b,
                    uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number != GETSID)
        return;
    if (marks++ % 2 == 0)
        at_first_mark = total;
    else
        fprintf(stderr, "instructions: %" PRIu64 "\n", total - at_first_mark);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id,
                                                               const void *info, int argc,
                                                               char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    qemu_plugin_register_vcpu_syscall_cb(id, on_call);
    return 0;
}
