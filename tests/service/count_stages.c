/* A plug-in for QEMU's user mode: instructions of each thread between the marks of tests/bench/marks.py.
 *
 * A mark is the A64 instruction `movz xzr, #n`: what the thread has run since its mark before belongs to n. At the end
 * a line for each n: the number, how often it was marked, instructions, and how many of them were of the vector and
 * floating-point unit (arithmetic only; loads and stores are not).
 *
 *   cc -shared -fPIC -O2 -o count_stages.so count_stages.c
 *   qemu-aarch64 -plugin ./count_stages.so,out=FILE PROGRAM
 *
 * Only the few declarations that are used are here: no Debian package has qemu-plugin.h. They are those of version 1 of
 * the interface (QEMU 4.2 to 8.2); later ones have others, and QEMU then refuses to load this.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*translated_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*executed_t)(unsigned int thread, void *given);
typedef void (*ended_t)(qemu_plugin_id_t id, void *given);
enum { READS_NO_REGISTERS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, translated_t call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, executed_t call, int flags, void *given);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed_t call, int flags, void *given);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, ended_t call, void *given);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

enum { THREADS = 4096, STAGES = 64 };
static struct { uint64_t all, vector, all_before, vector_before; } threads[THREADS];
static struct { uint64_t marks, all, vector; } stages[STAGES];   /* only one thread marks */
static const char *out;

static void block_executed(unsigned int thread, void *given)
{
    /* both numbers in one pointer: a block has at most some hundred instructions */
    uintptr_t sizes = (uintptr_t)given;
    threads[thread % THREADS].all += sizes >> 16;
    threads[thread % THREADS].vector += sizes & 0xffff;
}

static void marked(unsigned int thread, void *given)
{
    size_t stage = (uintptr_t)given, own = thread % THREADS;
    stages[stage].marks++;
    stages[stage].all += threads[own].all - threads[own].all_before;
    stages[stage].vector += threads[own].vector - threads[own].vector_before;
    threads[own].all_before = threads[own].all;
    threads[own].vector_before = threads[own].vector;
}

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    uintptr_t all = qemu_plugin_tb_n_insns(block), vector = 0;
    (void)id;
    for (size_t index = 0; index < all; index++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, index);
        uint32_t word;
        memcpy(&word, qemu_plugin_insn_data(insn), sizeof word);
        vector += (word >> 25 & 7) == 7;   /* A64's main encoding table: x111 */
        if ((word & 0xffe0001f) == 0xd280001f && (word >> 5 & 0xffff) < STAGES)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, READS_NO_REGISTERS,
                                                   (void *)(uintptr_t)(word >> 5 & 0xffff));
    }
    qemu_plugin_register_vcpu_tb_exec_cb(block, block_executed, READS_NO_REGISTERS, (void *)(all << 16 | vector));
}

static void ended(qemu_plugin_id_t id, void *given)
{
    FILE *file = fopen(out, "w");
    (void)id;
    (void)given;
    if (!file) {
        perror(out);
        return;
    }
    for (size_t stage = 0; stage < STAGES; stage++)
        if (stages[stage].marks)
            fprintf(file, "%zu %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", stage, stages[stage].marks, stages[stage].all,
                    stages[stage].vector);
    fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4)) {
        fprintf(stderr, "count_stages.so: expected out=FILE\n");
        return -1;
    }
    out = strdup(argv[0] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
