// The program around a simulated chip: it drives clk and link_clk itself, so that cocotb wakes only for what it asked
// to wait for. cocotb's own program has all clocks through VPI, which takes longer than to simulate a quiet cycle.
//
// +core_period=PS, +link_period=PS: multiples of 4 ps. Both clocks rise first after half a period; the link clock is
// one picosecond late, so that no two edges ever coincide.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_vpi.h"

namespace {

uint64_t now = 0;  // ps

struct Clock {
    CData& level;
    uint64_t half;
    uint64_t next;

    void tick() {
        if (now != next) return;
        level = !level;
        next += half;
    }
};

uint64_t half_period(const char* name) {
    const char* text = Verilated::commandArgsPlusMatch(name);  // "+core_period=5000", or ""
    const size_t prefix = 1 + std::char_traits<char>::length(name);
    const uint64_t period = std::char_traits<char>::length(text) > prefix ? std::strtoull(text + prefix, nullptr, 10) : 0;
    if (period == 0 || period % 4 != 0) {
        std::fprintf(stderr, "+%sPS must be given, a multiple of 4\n", name);
        std::exit(2);
    }
    return period / 2;
}

// Callbacks on values may write values, which calls more of them.
void value_callbacks() {
    while (VerilatedVpi::callValueCbs()) {}
}

// All that happens at one time: logic, then what cocotb writes, until nothing changes any more.
void settle(Vtop& top) {
    do {
        do {
            top.eval_step();
            VerilatedVpi::clearEvalNeeded();
            VerilatedVpi::doInertialPuts();
            value_callbacks();
        } while (VerilatedVpi::evalNeeded());
        VerilatedVpi::callCbs(cbReadWriteSynch);
        VerilatedVpi::doInertialPuts();
        value_callbacks();
    } while (VerilatedVpi::evalNeeded());
    top.eval_end_step();
    VerilatedVpi::callCbs(cbReadOnlySynch);
}

}  // namespace

double sc_time_stamp() { return now; }

extern "C" void vlog_startup_routines_bootstrap();

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    Verilated::fatalOnVpiError(false);  // cocotb asks for objects that need not be there
    const auto top = std::make_unique<Vtop>("");
    Clock core{top->clk, half_period("core_period="), 0};
    Clock link{top->link_clk, half_period("link_period="), 0};
    core.level = link.level = 0;
    core.next = core.half;
    link.next = link.half + 1;

    vlog_startup_routines_bootstrap();
    VerilatedVpi::callCbs(cbStartOfSimulation);
    value_callbacks();
    settle(*top);
    while (!Verilated::gotFinish()) {
        const uint64_t deadline = VerilatedVpi::cbNextDeadline();
        now = std::min({core.next, link.next, deadline});
        VerilatedVpi::callCbs(cbNextSimTime);
        if (now == deadline) VerilatedVpi::callTimedCbs();
        value_callbacks();
        core.tick();
        link.tick();
        settle(*top);
    }
    top->final();
    VerilatedVpi::callCbs(cbEndOfSimulation);
    return Verilated::threadContextp()->errorCount() > 0;
}
