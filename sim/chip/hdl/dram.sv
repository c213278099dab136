// Behavioural DRAM behind a half-duplex link: one word a clock in all.
//
// Commands queue eight deep and are served in order. A read's first word can
// be taken LATENCY clocks after the edge that accepted its command, or later
// if earlier commands still have the bus; so latencies overlap with data.
// There is no gap between one command's last word and the next one's first.
//
// Contents: +dram=FILE is read by $readmemh at time 0.
module dram #(
    parameter DEPTH = 1 << 20,
    parameter LATENCY = 8
) (
    input  logic        clk,
    input  logic        rst,

    input  logic        cmd_valid,
    output logic        cmd_ready,
    input  logic        cmd_write,
    input  logic [27:0] cmd_address,  // of a 64-bit word
    input  logic [7:0]  cmd_length,   // words - 1

    input  logic        wdata_valid,
    output logic        wdata_ready,
    input  logic [63:0] wdata,

    output logic        rdata_valid,
    input  logic        rdata_ready,
    output logic [63:0] rdata,

    // Words that exist, at most DEPTH: DEPTH can then be the same for many
    // layers, and the compiled simulation too.
    input  logic [28:0] words,
    // Not 0: the bus is lost in about one clock of eight, at random.
    input  logic [31:0] stall_seed,

    output logic        fault,        // sticky: an address out of range
    output logic [63:0] words_read,
    output logic [63:0] words_written
);
    localparam QUEUE = 8;
    localparam WIDTH = $clog2(DEPTH);

    logic [63:0] mem [0:DEPTH-1];

    logic        queue_write   [0:QUEUE-1];
    logic [28:0] queue_address [0:QUEUE-1];
    logic [7:0]  queue_length  [0:QUEUE-1];
    logic [31:0] queue_ready   [0:QUEUE-1];  // when the first word may come
    logic [2:0]  head, tail;
    logic [3:0]  level;

    logic [7:0]  done_words;  // of the command at the head
    logic [31:0] now;
    logic [31:0] noise;
    logic        stall;

    wire         waiting = level != 0;
    wire [28:0]  address = queue_address[head] + {21'b0, done_words};
    wire         in_range = address < words && {3'b0, address} < DEPTH;
    wire [WIDTH-1:0] index = address[WIDTH-1:0];
    wire         accept = cmd_valid && cmd_ready;
    wire         move = (rdata_valid && rdata_ready) || (wdata_valid && wdata_ready);
    wire         finish = move && done_words == queue_length[head];

    // The difference, not the order, is compared: `now` may wrap.
    wire [31:0]  early = now - queue_ready[head];

    assign cmd_ready = level != QUEUE && !stall;
    assign wdata_ready = waiting && queue_write[head] && !stall;
    assign rdata_valid = waiting && !queue_write[head] && !early[31] && !stall;
    assign rdata = in_range ? mem[index] : 64'hDEAD_DEAD_DEAD_DEAD;

    string path;
    initial if ($value$plusargs("dram=%s", path)) $readmemh(path, mem);

    always @(posedge clk) begin
        if (rst) begin
            head <= 0;
            tail <= 0;
            level <= 0;
            done_words <= 0;
            now <= 0;
            noise <= stall_seed;
            stall <= 0;
            fault <= 0;
            words_read <= 0;
            words_written <= 0;
        end else begin
            now <= now + 1;
            noise <= step(noise);
            // A word that was offered stays until it is taken.
            stall <= noise[4:2] == 3'd5 && !(rdata_valid && !rdata_ready);

            if (accept) begin
                queue_write[tail] <= cmd_write;
                queue_address[tail] <= {1'b0, cmd_address};
                queue_length[tail] <= cmd_length;
                queue_ready[tail] <= now + LATENCY;
                tail <= tail + 1;
            end
            level <= level + {3'b0, accept} - {3'b0, finish};

            if (move) begin
                done_words <= finish ? 8'd0 : done_words + 1;
                if (finish) head <= head + 1;
                if (queue_write[head]) words_written <= words_written + 1;
                else words_read <= words_read + 1;
                if (!in_range) begin
                    if (!fault && queue_write[head])
                        $display("dram: write of word %0d, but there are only %0d", address, words);
                    if (!fault && !queue_write[head])
                        $display("dram: read of word %0d, but there are only %0d", address, words);
                    fault <= 1;
                end else if (queue_write[head]) begin
                    mem[index] <= wdata;
                end
            end
        end
    end

    // Marsaglia's xorshift; 0 stays 0, and 0 never stalls.
    function automatic [31:0] step(input [31:0] value);
        reg [31:0] a, b;
        begin
            a = value ^ (value << 13);
            b = a ^ (a >> 17);
            step = b ^ (b << 5);
        end
    endfunction
endmodule
