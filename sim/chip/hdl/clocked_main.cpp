// The program around a simulated chip: it drives clk and link_clk itself, so that cocotb wakes only for what it asked
// to wait for. cocotb's own program has all clocks through VPI, which takes longer than to simulate a quiet cycle.
//
// +core_period=PS, +link_period=PS: multiples of 4 ps. Both clocks rise first after half a period; the link clock is
// one picosecond late, so that no two edges ever coincide.
//
// Compiled with --trace-fst: +waves=FILE, +waves_from=PS, +waves_to=PS (not to the end) write a waveform.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_vpi.h"
#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

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

// What follows "name=" in the arguments, or "".
std::string argument(const std::string& name) {
    const std::string text = Verilated::commandArgsPlusMatch((name + "=").c_str());  // "+core_period=5000"
    return text.empty() ? text : text.substr(name.size() + 2);
}

uint64_t half_period(const char* name) {
    const uint64_t period = std::strtoull(argument(name).c_str(), nullptr, 10);
    if (period == 0 || period % 4 != 0) {
        std::fprintf(stderr, "+%s=PS must be given, a multiple of 4\n", name);
        std::exit(2);
    }
    return period / 2;
}

#if VM_TRACE_FST
// The signals at each edge within a window.
class Waves {
public:
    explicit Waves(Vtop& top) : path_{argument("waves")} {
        const std::string last = argument("waves_to");
        first_ = std::strtoull(argument("waves_from").c_str(), nullptr, 10);
        if (!last.empty()) last_ = std::strtoull(last.c_str(), nullptr, 10);
        top.trace(&file_, 0);
    }
    void sample() {
        if (path_.empty() || now < first_ || now >= last_) return;
        if (!file_.isOpen()) file_.open(path_.c_str());
        file_.dump(now);
    }
    void close() { file_.close(); }

private:
    const std::string path_;
    uint64_t first_ = 0, last_ = UINT64_MAX;
    VerilatedFstC file_;
};
#else
struct Waves {
    explicit Waves(Vtop&) {}
    void sample() {}
    void close() {}
};
#endif

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
    Verilated::traceEverOn(true);
    const auto top = std::make_unique<Vtop>("");
    Waves waves{*top};
    Clock core{top->clk, half_period("core_period"), 0};
    Clock link{top->link_clk, half_period("link_period"), 0};
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
        waves.sample();
    }
    top->final();
    waves.close();
    VerilatedVpi::callCbs(cbEndOfSimulation);
    return Verilated::threadContextp()->errorCount() > 0;
}
