// Stands in for the chip: copies `words` 64-bit words from address `from` to
// `to`, in bursts of `burst`. Modes: 0 copy; 1 only read, with up to eight
// bursts under way; 2 stop half-way for ever; 3 raise fault.
// Scan chain, first bit first: from[28], to[28], words[16], burst[9], mode[3].
module eyeriss (
    input  logic        clk, rst, link_clk, link_rst,
    input  logic        scan_enable, scan_in,
    output logic        scan_out,
    input  logic        start,
    output logic        busy, done, fault,
    input  logic [5:0]  counter_select,
    output logic [63:0] counter_value,
    output logic        dram_cmd_valid,
    input  logic        dram_cmd_ready,
    output logic        dram_cmd_write,
    output logic [27:0] dram_cmd_address,
    output logic [7:0]  dram_cmd_length,
    output logic        dram_wdata_valid,
    input  logic        dram_wdata_ready,
    output logic [63:0] dram_wdata,
    input  logic        dram_rdata_valid,
    output logic        dram_rdata_ready,
    input  logic [63:0] dram_rdata
);
    // Core domain: configuration, start, done, cycle counter.
    logic [83:0] scan;
    logic        running;
    logic [1:0]  finished_sync;
    logic [63:0] core_cycles, scanned;
    wire [27:0] from = scan[27:0];
    wire [27:0] to = scan[55:28];
    wire [15:0] words = scan[71:56];
    wire [8:0]  burst = scan[80:72];
    wire [2:0]  mode = scan[83:81];
    assign scan_out = scan[0];
    assign busy = running;
    assign done = running && finished_sync[1];
    always_ff @(posedge clk) begin
        if (rst) begin
            running <= 0;
            finished_sync <= 0;
            core_cycles <= 0;
            scanned <= 0;
            fault <= 0;
        end else begin
            finished_sync <= {finished_sync[0], state == DONE};
            if (start) running <= 1;
            if (running && !done) core_cycles <= core_cycles + 1;
            if (scan_enable) scanned <= scanned + 1;
            if (running && mode == 3 && core_cycles == 50) fault <= 1;
        end
        if (scan_enable) scan <= {scan_in, scan[83:1]};
    end

    // Link domain: the copier.
    typedef enum logic [2:0] {IDLE, ASK, READ, TELL, WRITE, STREAM, DONE} state_t;
    state_t      state;
    logic [1:0]  running_sync;
    logic [63:0] buffer [0:255];
    logic [16:0] asked, moved, received;
    logic [8:0]  index;
    logic [63:0] link_cycles, bursts, sum;
    wire [16:0]  left = {1'b0, words} - asked;
    wire [8:0]   size = left < {8'b0, burst} ? left[8:0] : burst;
    wire [8:0]   last = size - 1;

    assign dram_cmd_valid = state == ASK || state == TELL || (state == STREAM && left != 0);
    assign dram_cmd_write = state == TELL;
    assign dram_cmd_address = (state == TELL ? to : from) + {11'b0, asked};
    assign dram_cmd_length = last[7:0];
    assign dram_wdata_valid = state == WRITE;
    assign dram_wdata = buffer[index[7:0]];
    assign dram_rdata_ready = state == READ || state == STREAM;

    always_ff @(posedge link_clk) begin
        if (link_rst) begin
            state <= IDLE;
            running_sync <= 0;
            asked <= 0;
            moved <= 0;
            received <= 0;
            index <= 0;
            link_cycles <= 0;
            bursts <= 0;
            sum <= 0;
        end else begin
            running_sync <= {running_sync[0], running};
            if (state != IDLE && state != DONE) link_cycles <= link_cycles + 1;
            if (dram_rdata_valid && dram_rdata_ready) begin
                received <= received + 1;
                sum <= sum + dram_rdata;
            end
            case (state)
                IDLE: if (running_sync[1]) state <= mode == 1 ? STREAM : ASK;
                STREAM: begin
                    if (dram_cmd_valid && dram_cmd_ready) begin
                        asked <= asked + {8'b0, size};
                        bursts <= bursts + 1;
                    end
                    if (received + 1 == {1'b0, words} && dram_rdata_valid) state <= DONE;
                end
                ASK: begin
                    if (dram_cmd_ready) state <= READ;
                    index <= 0;
                end
                READ: if (dram_rdata_valid) begin
                    buffer[index[7:0]] <= dram_rdata;
                    index <= index + 1;
                    if (index == last) begin
                        state <= mode == 2 && moved >= {2'b0, words[15:1]} ? READ : TELL;
                        index <= 0;
                    end
                end
                TELL: if (dram_cmd_ready) state <= WRITE;
                WRITE: if (dram_wdata_ready) begin
                    index <= index + 1;
                    moved <= moved + 1;
                    if (index == last) begin
                        index <= 0;
                        asked <= asked + {8'b0, size};
                        bursts <= bursts + 1;
                        state <= asked + {8'b0, size} == {1'b0, words} ? DONE : ASK;
                    end
                end
                default: ;
            endcase
        end
    end

    always_comb
        case (counter_select)
            0: counter_value = core_cycles;
            1: counter_value = {47'b0, moved};
            2: counter_value = bursts;
            3: counter_value = link_cycles;
            4: counter_value = scanned;
            5: counter_value = sum;
            6: counter_value = {61'b0, state};
            default: counter_value = 64'hx;
        endcase
endmodule
